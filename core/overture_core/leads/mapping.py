"""Which column is what: by its name in several languages, else by its values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from overture_core.errors import InvalidInput
from overture_core.text import quoted

FIELDS = (
    *("email", "phone", "first_name", "last_name", "full_name", "company", "title", "country", "time_zone"),
    *("language", "linkedin_url", "external_id", "notes", "last_contact_at", "tags"),
    *("consent_text", "consent_at", "consent_source"),
    *("consent", "email_opt_in", "sms_opt_in", "opt_out", "email_opt_out", "sms_opt_out", "call_opt_out"),
    *("whatsapp_opt_out", "voice_opt_out"),
)
# Any number of columns may say these: a refusal in one of them holds, whatever the others say.
REFUSALS = frozenset({"opt_out", "email_opt_out", "sms_opt_out", "call_opt_out", "whatsapp_opt_out", "voice_opt_out"})
# Names as they are compared: lower case, without accents and everything but letters and digits.
_NAMES: dict[str, str] = {
    name: field
    for field, names in {
        "email": "email mail emailaddress mailaddress emailadresse mailadresse courriel adressemail adresseemail "
        "correo correoelectronico postaelettronica indirizzoemail emailadres enderecodeemail workemail",
        "phone": "phone phonenumber mobile mobilephone mobilenumber cell cellphone tel telephone telefon telefonnummer "
        "handy mobil mobilnummer numerodetelephone telefono telefonomovil movil cellulare telefoon "
        "telefoonnummer mobiel telefone celular telemovel workphone",
        "first_name": "firstname givenname forename vorname prenom nombre nome voornaam primeironome",
        "last_name": "lastname surname familyname nachname familienname nomdefamille nom apellido apellidos cognome "
        "achternaam sobrenome apelido",
        "full_name": "name fullname contact contactname leadname vollername nomcomplet nombrecompleto nomecompleto "
        "volledigenaam ansprechpartner",
        "company": "company companyname organization organisation account accountname employer firma unternehmen "
        "societe entreprise empresa azienda societa bedrijf",
        "title": "title jobtitle role position job funktion stelle poste fonction cargo puesto ruolo functie",
        "country": "country countrycode land pays pais paese staat nation",
        "time_zone": "timezone tz zeitzone fuseauhoraire zonahoraria fusoorario tijdzone fusohorario",
        "language": "language locale sprache langue idioma lingua taal",
        "linkedin_url": "linkedin linkedinurl linkedinprofile linkedinprofil",
        "external_id": "id externalid leadid contactid crmid customerid kundennummer recordid",
        "notes": "notes note comment comments notizen bemerkung remarques commentaire notas note opmerkingen",
        "last_contact_at": "lastcontact lastcontacted lastcontactdate lastcontactat lastactivity lastactivitydate "
        "letzterkontakt derniercontact ultimocontacto ultimocontatto laatstecontact ultimocontato",
        "tags": "tags tag labels label schlagworte etiquettes etiquetas etichette",
        "consent": "consent optin consents einwilligung consentement consentimiento consenso toestemming "
        "consentimento channels",
        "consent_text": "consenttext consentwording consentstatement consentlanguage optintext einwilligungstext "
        "textedeconsentement textoconsentimiento",
        "consent_at": "consentat consentdate consenttime consenttimestamp consentgivenat optindate optintime "
        "optintimestamp einwilligungsdatum einwilligungam dateconsentement fechaconsentimiento",
        "consent_source": "consentsource optinsource optinform signupsource signupform einwilligungsquelle "
        "sourceconsentement fuenteconsentimiento",
        "email_opt_in": "emailoptin emailconsent consentemail optinemail acceptsemailmarketing acceptsmarketing "
        "subscribed marketingemail newsletter",
        "sms_opt_in": "smsoptin smsconsent consentsms optinsms acceptssmsmarketing textoptin marketingsms",
        "opt_out": "optout optedout optouttime optoutdate donotcontact dnc unsubscribe unsubscribed unsubscribedat "
        "unsubscribetime abgemeldet desinscrit desabonne",
        "email_opt_out": "emailoptout emailoptedout optoutemail optedoutofemail hasoptedoutofemail donotemail "
        "unsubscribedfromemail unsubscribedfromallemail",
        "sms_opt_out": "smsoptout smsoptedout optoutsms optedoutofsms textoptout donottext donotsms",
        "whatsapp_opt_out": "whatsappoptout whatsappoptedout optoutwhatsapp",
        "voice_opt_out": "voiceoptout voiceoptedout optoutvoice",
        "call_opt_out": "calloptout calloptedout optoutcall optedoutofcalls donotcall donotphone nocalls phoneoptout",
    }.items()
    for name in names.split()
}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+?[\d\s().\-/]{7,20}")
MOST = 0.6  # of the sampled values have to look like it


class NoAddressColumn(InvalidInput):
    """No column of a file was recognised as e-mail or phone."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.example = columns[0] if columns else "E-post"
        self.what = f"No column was recognised as e-mail or phone; the columns are: {', '.join(columns[:20])}."
        super().__init__(f'{self.what} Say which one it is with a mapping such as {{"{self.example}": "email"}}.')


def propose(columns: Sequence[str], sample: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return {column: field}; each field but a refusal at most once, the leftmost column first."""
    mapping: dict[str, str] = {}
    for column in columns:
        field = _NAMES.get(_key(column))
        if field is not None and (field in REFUSALS or field not in mapping.values()):
            mapping[column] = field
    for field, pattern in (("email", _EMAIL), ("phone", _PHONE)):
        if field not in mapping.values():
            found = next((c for c in columns if c not in mapping and _looks_like(pattern, c, sample)), None)
            if found is not None:
                mapping[found] = field
    return mapping


def checked(columns: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Return a mapping that a person gave, if it can be used.

    Raises:
        InvalidInput: it names a column or field that does not exist, or a field twice.
    """
    for column, field in mapping.items():
        if column not in columns:
            msg = f"The mapping names the column {quoted(column)}; the columns are: {', '.join(columns)}."
            raise InvalidInput(msg)
        if field not in FIELDS:
            msg = f"The mapping names the field {quoted(field)}; the fields are: {', '.join(FIELDS)}."
            raise InvalidInput(msg)
    single = [field for field in mapping.values() if field not in REFUSALS]
    if len(set(single)) < len(single):
        msg = "The mapping gives the same field to two columns; choose one of them."
        raise InvalidInput(msg)
    return dict(mapping)


def require_address(columns: Sequence[str], mapping: Mapping[str, str]) -> None:
    """Make sure that leads could be reached at all.

    Raises:
        NoAddressColumn: no column is an e-mail address or a phone number.
    """
    if not {"email", "phone"} & set(mapping.values()):
        raise NoAddressColumn(columns)


def _key(column: str) -> str:
    plain = unicodedata.normalize("NFKD", column).casefold()
    return "".join(c for c in plain if c.isalnum() and not unicodedata.combining(c))


def _looks_like(pattern: re.Pattern[str], column: str, sample: Sequence[Mapping[str, str]]) -> bool:
    values = [value for row in sample if (value := row.get(column, "").strip())]
    return bool(values) and sum(bool(pattern.fullmatch(value)) for value in values) >= MOST * len(values)
