"""The names that columns of a lead have in files, in the languages that lists come in."""

# ruff: noqa: RUF001 (letters that look like others are what this is about)
from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from itertools import dropwhile

from overture_core.leads.header_prefixes import without_company, without_person

# As they are written or as they are compared: `header_key` makes them alike. English first, then by language: German,
# French, Spanish, Italian, Portuguese, Dutch, Polish, Czech, Swedish, Danish and Norwegian, Finnish, Turkish, Russian
# and Ukrainian, Japanese, Chinese, Korean.
_NAMES: dict[str, tuple[str, ...]] = {
    "email": (
        "email|mail|e-mail address|mail address|work email|primary email|business email|e-mail 1 - value",
        "email work|email home|email other",
        "email 1|e-mail-adresse|mailadresse|courriel|adresse mail|adresse e-mail|correo|correo electrónico",
        "dirección de correo|posta elettronica|indirizzo e-mail|indirizzo di posta elettronica",
        "endereço de e-mail|correio eletrônico|correio eletrónico|e-mailadres|adres e-mail|poczta",
        "e-mailová adresa|e-post|e-postadress|epostadresse|mejl|mejladress|sähköposti|sähköpostiosoite",
        "e-posta|e-posta adresi|эл. почта|электронная почта|почта|имейл",
        "електронна пошта|メール|メールアドレス|eメール|電子メール|邮箱|电子邮件|电子邮箱|邮件",
        "電子郵件|信箱|電郵|이메일|이메일 주소|메일|전자우편",
    ),
    "phone": (
        "phone|phone number|mobile|mobile phone|mobile number|mobile phone number|cell|cell phone|tel",
        "telephone|telephone number|work phone|business phone|primary phone|contact number|phone 1 - value",
        "phone work|phone mobile|phone home|phone other",
        "telefon|telefonnummer|handy|handynummer|mobil|mobilnummer|mobiltelefon|numéro de téléphone",
        "téléphone|portable|téléphone portable|teléfono|teléfono móvil|número de teléfono|móvil",
        "telefono|cellulare|numero di telefono|telemóvel|telefone|celular|número de telefone|telefoon",
        "telefoonnummer|mobiel|mobiel nummer|numer telefonu|komórka|telefon komórkowy|tel. kom.",
        "telefonní číslo|tel. číslo|telefonnr|mobilnr|tlf|tlf.|puhelin|puhelinnumero|matkapuhelin|gsm|cep",
        "cep telefonu|telefon numarası|телефон|номер телефона|мобильный",
        "мобильный телефон|номер телефону|電話|電話番号|携帯|携帯電話|携帯番号",
        "电话|电话号码|手机|手机号|手机号码|手機|手機號碼|電話號碼|전화|전화번호|휴대폰|휴대전화|핸드폰",
        "연락처",
    ),
    "first_name": (
        "first name|fname|given name|forename|vorname|prénom|nombre|nome|voornaam|primeiro nome|nome próprio|imię",
        "name first|name given",
        "imie|křestní jméno|jméno|förnamn|fornavn|etunimi|ad|adı|isim|имя|ім'я|名|下の名前|名字|이름",
    ),
    "last_name": (
        "last name|lname|surname|family name|nachname|familienname|nom de famille|nom|apellido|apellidos|cognome",
        "achternaam|sobrenome|apelido|nazwisko|příjmení|efternamn|etternavn|efternavn|sukunimi|soyad",
        "name last|name family|soyadı|soyisim|фамилия|прізвище|姓|名字(姓)|苗字|姓氏|성",
    ),
    "full_name": (
        "name|full name|contact|contact name|lead name|person|display name|vollständiger name|vollername",
        "ansprechpartner|nom complet|nom et prénom|prénom et nom|nombre completo|nombre y apellidos",
        "nome completo|nome e cognome|nominativo|volledige naam|naam|contactpersoon|imię i nazwisko",
        "jméno a příjmení|celé jméno|namn|fullständigt namn|navn|fullt navn|fulde navn|kontaktperson",
        "nimi|koko nimi|ad soyad|adı soyadı|ad soyadı|фио|полное имя",
        "імя та прізвище|піб|контактное лицо|氏名|お名前|名前|担当者|担当者名|姓名",
        "联系人|聯絡人|성명|성함|담당자",
    ),
    "company": (
        "company|company name|organization|organisation|organization name|account|account name|employer",
        "business name|organization 1 - name|firma|firmenname|unternehmen|société|entreprise|nom de la société|empresa",
        "nombre de la empresa|compañía|azienda|società|ragione sociale|nome da empresa|bedrijf|bedrijfsnaam",
        "organisatie|nazwa firmy|przedsiębiorstwo|společnost|název firmy|företag|företagsnamn|bolag",
        "virksomhed|virksomhet|firmanavn|selskap|yritys|yrityksen nimi|şirket|şirket adı|firma adı",
        "компания|организация|название компании|компанія",
        "організація|会社|会社名|企業名|法人名|貴社名|公司|公司名称|公司名稱|单位|企业名称|회사",
        "회사명|업체명|기업명|org name|org id name|organisation name|employer name",
    ),
    "title": (
        "organization title|organization 1 - title",
        "title|job title|role|position|job|funktion|stelle|berufsbezeichnung|poste|fonction",
        "intitulé du poste|cargo|puesto|ruolo|qualifica|mansione|função|functie|functietitel|stanowisko",
        "pozice|funkce|pracovní pozice|befattning|titel|jobtitel|stilling|stillingstittel|tittel",
        "tehtävänimike|titteli|asema|unvan|ünvan|görev|pozisyon|должность|посада|役職|肩書き",
        "肩書|職位|职位|职务|職稱|職務|직책|직위|직함",
    ),
    "country": (
        "country|country code|country region|mailing country|address country|location country",
        "land|ländercode|pays|país|paese|nazione|staat",
        "nation|kraj|państwo|země|stát|maa|ülke|страна|країна|国|国名|国家|國家|국가|나라",
    ),
    "time_zone": (
        "time zone|tz|location time zone|zeitzone|fuseau horaire|zona horaria|fuso orario|tijdzone|fuso horário",
        "strefa czasowa|časové pásmo|tidszon|tidszone|tidssone|aikavyöhyke|saat dilimi|часовой пояс",
        "часовий пояс|タイムゾーン|时区|時區|시간대",
    ),
    "language": (
        "language|locale|preferred language|sprache|langue|idioma|lingua|taal|język|jazyk|språk|sprog|kieli",
        "dil|язык|мова|言語|语言|語言|언어",
    ),
    "linkedin_url": (
        "linkedin|linkedin url|linkedin profile|linkedin profile url|person linkedin url|linkedin-profil",
        "profil linkedin|perfil de linkedin|profilo linkedin",
    ),
    "external_id": (
        "id|external id|lead id|contact id|crm id|customer id|customer number|record id|kundennummer",
        "kunden-nr|numéro client|número de cliente|codice cliente|klantnummer|numer klienta",
        "číslo zákazníka|kundnummer|kundenummer|asiakasnumero|müşteri no|номер клиента",
        "顧客番号|顧客ID|客户编号|客戶編號|고객번호",
    ),
    "notes": (
        "notes|note|comment|comments|remarks|notizen|notiz|bemerkung|bemerkungen|kommentar|remarques|remarque",
        "commentaire|commentaires|notas|nota|observaciones|comentarios|osservazioni|observações|opmerkingen",
        "opmerking|uwagi|notatki|poznámka|poznámky|anteckningar|anteckning|noter|bemærkninger|notater",
        "merknader|muistiinpanot|huomautukset|notlar|açıklama|примечание|примечания",
        "заметки|комментарий|примітки|備考|メモ|备注|備註|비고|메모",
    ),
    "last_contact_at": (
        "last contact|last contacted|last contact date|last contact at|last activity|last activity date",
        "letzter kontakt|letzte aktivität|dernier contact|date du dernier contact|último contacto",
        "fecha del último contacto|ultimo contatto|data ultimo contatto|laatste contact|laatst gesproken",
        "último contato|data do último contato|ostatni kontakt|data ostatniego kontaktu|poslední kontakt",
        "senaste kontakt|senast kontaktad|seneste kontakt|sidste kontakt|siste kontakt|sist kontaktet",
        "viimeisin yhteydenotto|viimeinen yhteydenotto|son görüşme|son iletişim|son temas",
        "последний контакт|дата последнего контакта",
        "останній контакт|最終連絡日|最終接触日|最終コンタクト日|最后联系|最后联系时间|上次联系",
        "最後聯絡|최근 연락일|마지막 연락일|최종 연락일",
    ),
    "tags": (
        "tags|tag|labels|label|schlagworte|étiquettes|etiquetas|etichette|tagi|etykiety|štítky|taggar",
        "etiketter|tunnisteet|etiketler|теги|метки|タグ|标签|標籤|태그",
    ),
    "consent": (
        "consent|opt in|consents|einwilligung|consentement|consentimiento|consenso|toestemming|consentimento",
        "zgoda|souhlas|samtycke|samtykke|suostumus|izin|onay|согласие|згода|同意|동의|marketing consent",
        "gdpr consent|consent marketing|opt in marketing|marketing opt in|werbeeinwilligung|dsgvo-einwilligung",
        "consentement marketing|consentimiento marketing|consenso marketing|marketingtoestemming|zgoda marketingowa",
    ),
    "consent_text": (
        "consent text|consent wording|consent statement|consent language|opt in text|einwilligungstext",
        "texte de consentement|texto consentimiento|texto del consentimiento",
    ),
    "consent_at": (
        "consent at|consent date|consent time|consent timestamp|consent given at|opt in date|opt in time",
        "opt in timestamp|einwilligungsdatum|einwilligung am|date consentement|date du consentement",
        "fecha consentimiento|fecha del consentimiento|data consenso|data zgody|datum souhlasu",
        "дата согласия",
    ),
    "consent_source": (
        "consent source|opt in source|opt in form|signup source|signup form|einwilligungsquelle",
        "source consentement|source du consentement|fuente consentimiento|fuente del consentimiento",
    ),
    "email_opt_in": (
        "email opt in|email consent|consent email|opt in email|accepts email marketing|accepts marketing",
        "subscribed|marketing email|newsletter|email marketing|marketing emails|email marketing consent",
    ),
    "sms_opt_in": ("sms opt in|sms consent|consent sms|opt in sms|accepts sms marketing|text opt in|marketing sms",),
    "opt_out": (
        "opt out|opted out|opt out time|opt out date|do not contact|dnc|unsubscribe|unsubscribed",
        "unsubscribed at|unsubscribe time|abgemeldet|widerspruch|désinscrit|désabonné|dado de baja",
        "no contactar|disiscritto|uitgeschreven|wypisany|odhlášen|avregistrerad|avmeldt|afmeldt",
        "abonelikten çıktı|отписан|отписался|配信停止|退订|수신거부|global opt out|marketing opt out",
        "opted out at|unsubscribed date|unsubscribe date|unsubscribed on|suppressed|blacklisted|blacklist|blocklisted",
        "blocklist|do not market|opt-out datum|abmeldedatum|abgemeldet am|nicht kontaktieren|nicht anschreiben",
        "werbesperre|kontaktsperre|keine werbung|werbewiderspruch|ne pas contacter|ne plus contacter|désinscription",
        "date de désinscription|no molestar|baja|fecha de baja|lista negra|non contattare|data disiscrizione",
        "niet benaderen|niet contacteren|não contatar|não contactar|nie kontaktować|nekontaktovat",
        "kontakta ej|ikke kontakt|не беспокоить|не контактировать|не писать|連絡不可|请勿联系|请勿打扰|연락금지",
    ),
    "email_opt_out": (
        "email opt out|email opted out|opt out email|opted out of email|has opted out of email|do not email",
        "unsubscribed from email|unsubscribed from all email|email unsubscribed|no email|no emails|keine e-mails",
    ),
    "sms_opt_out": ("sms opt out|sms opted out|opt out sms|opted out of sms|text opt out|do not text|do not sms",),
    "whatsapp_opt_out": ("whatsapp opt out|whatsapp opted out|opt out whatsapp",),
    "linkedin_opt_out": ("linkedin opt out|linkedin opted out|opt out linkedin",),
    "voice_opt_out": ("voice opt out|voice opted out|opt out voice",),
    "call_opt_out": (
        "call opt out|call opted out|opt out call|opted out of calls|do not call|do not phone|no calls",
        "phone opt out",
    ),
}
# Beginnings of words in the names of columns about somebody of ours, such as who looks after a lead, in the same order
# of languages; no words that may as well be the lead's own role. Inside another word they mean another: a Homeowner.
_OURS = (
    "owner|sender|reply to|manager|assigned|salesperson|accountowner|contactowner|leadowner|dealowner|recordowner",
    "besitzer|verantwortlich|responsab|kontaktinhaber|accountinhaber|betreuer|kundenbetreuer|kontobetreuer|vertriebler",
    "vertriebsmitarbeiter|zuständig|bearbeiter|sachbearbeiter|absender|propriétaire|expéditeur|gestionnaire|vendeur",
    "propietario|vendedor|remitente|asignado|proprietario|venditore|mittente|assegnato|remetente|atribuído|eigenaar",
    "accounteigenaar|contacteigenaar|verkoper|afzender|beheerder|accountbeheerder|toegewezen|właściciel|opiekun",
    "handlowiec|nadawca|sprzedawca|przypisany|vlastník|obchodník|odesílatel|prodejce|přiřazen|säljare|avsändare",
    "ansvarig|kundansvarig|kontoansvarig|handläggare|sælger|afsender|ansvarlig|kundeansvarlig|kontoansvarlig|selger",
    "avsender|omistaja|myyjä|lähettäjä|vastuuhenkilö|kayıt sahibi|temsilci|gönderen|владелец|ответственный|менеджер",
    "отправитель|продавец|власник|відповідальний|відправник|продавець|所有者|営業担当|担当営業|送信者|所有人|销售|業務員",
    "业务员|发件人|소유자|영업담당|발신자",
    "assignee|representative|responsible|supervisor|salesman|saleswoman|account lead|account executive|account exec",
    "sales executive|success team|customer success|caseworker|our contact",
    "internal contact|inside sales|betreut|betreuung|kundenbetreuung|accountmanager|kundenmanager|kundenberater",
    "innendienst|außendienst|vertriebskontakt|vertriebsbeauftragte|interner ansprechpartner|ansprechpartner intern",
    "unser ansprechpartner|ersteller|angelegt von|erstellt von|chargé de|chargée de|chargé d'affaires|attribué|assigné",
    "suivi par|créé par|commercial attitré|commercial en charge|ejecutivo de cuenta|gestor de cuenta",
    "gestor comercial|representante|creado por|assegnatario|rappresentante|creato da|responsável|gerente|criado por",
    "accountbeheer|relatiebeheerder|klantmanager|behandelaar|verantwoordelijk|vertegenwoordiger|aangemaakt door",
    "odpowiedzialn|przedstawiciel|utworzone przez|odpovědn|zodpovědn|správce|obchodní zástupce|säljansvarig",
    "kontaktansvarlig|salgsansvarlig|sagsbehandler|saksbehandler|vastuumyyjä|asiakasvastaava|käsittelijä|felelős",
    "ügyintéző|értékesítő|müşteri temsilcisi|sorumlu|куратор|ответственн|відповідальн|自社担当|社内担当|担当セールス",
    "客户经理|客戶經理|跟进人|跟進人|归属人|영업사원|매니저",
)
_OURS_WORDS = (
    *("from", "by", "rep", "agent", "agents", "ägare", "ejer", "eier", "satıcı"),
    *("csm", "kam", "sdr", "bdr", "csr", "tam"),
)
# Whose address it is as a rule, where a name has these first, or behind what an address is called. What such a column
# says may be of the lead all the same, who may be a partner; a Business Partner and a Supporter are.
_OTHERS = (
    "partner|recruiter|support|helpdesk|help desk|service desk|customer service|customer care|referrer|advisor|adviser",
    "closer|creator|ae|partners|personalberater|kundenservice|kundendienst|partenaire|recruteur|conseiller|conseillère",
    "reclutador|asesor|soporte|reclutatore|assistenza|parceiro|recrutador|suporte|klantenservice|ondersteuning|rekruter",
    "doradca|partnera|rekrytera|rådgivare|rådgiver|kundtjänst|kundeservice|kumppani|asiakaspalvelu|destek|партнер",
    "партнера|рекрутер|поддержка|поддержки|підтримка|підтримки",
)
_ADDRESS_WORDS = (
    *("e", "email", "mail", "mails", "address", "adresse", "courriel", "correo", "phone", "telefon", "tel", "mobile"),
    *("du", "de", "del", "della", "des", "der", "do", "da", "od", "our", "primary", "main"),
)
# What objects are called that are about the lead, in the answers of programs.
_ABOUT_THE_LEAD = frozenset(
    (
        *("attributes", "contact", "customer", "data", "fields", "lead", "mergefields", "node", "person", "profile"),
        *("properties", "prospect"),
    )
)
# Beside the names of phone numbers, what else columns of further numbers are called.
_FURTHER_PHONES = ("landline", "festnetz", "whatsapp", "sms", "viber")
# Any number of columns may say these: a refusal in one of them holds, whatever the others say.
REFUSALS = frozenset(
    {"opt_out", "email_opt_out", "sms_opt_out", "call_opt_out", "whatsapp_opt_out", "voice_opt_out", "linkedin_opt_out"}
)
# And these: what one of them refuses holds too, beside whatever the others grant.
CONSENTS = frozenset({"consent", "email_opt_in", "sms_opt_in"})
FIELDS = (
    *("email", "phone", "first_name", "last_name", "full_name", "company", "title", "country", "time_zone"),
    *("language", "linkedin_url", "external_id", "notes", "last_contact_at", "tags"),
    *("consent_text", "consent_at", "consent_source"),
    *("consent", "email_opt_in", "sms_opt_in", "opt_out", "email_opt_out", "sms_opt_out", "call_opt_out"),
    *("whatsapp_opt_out", "voice_opt_out", "linkedin_opt_out"),
)


def header_key(name: str) -> str:
    """Return a column's name as names are compared: lower case, without accents and all but letters and digits."""
    plain = unicodedata.normalize("NFKD", name).casefold().replace("ı", "i")  # as Turkish capitals have it
    return "".join(char for char in plain if char.isalnum() and not unicodedata.combining(char))


PREFIX = "custom."
"""Before the name of a column that is a custom field, whatever its name or its values look like."""
_SECOND = re.compile(r" \(\d+\)$")  # how a column is told from another of its name


def _by_key(lists: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {header_key(name): field for field, names in lists.items() for each in names for name in each.split("|")}


_FIELDS = _by_key(_NAMES)
_OURS_KEYS = tuple(header_key(name) for names in _OURS for name in names.split("|"))
_OURS_WORD_KEYS = frozenset(map(header_key, _OURS_WORDS))
_OTHERS_KEYS = frozenset(header_key(name) for names in _OTHERS for name in names.split("|"))
_PHONE_KEYS = frozenset(
    (*(name for name, field in _FIELDS.items() if field == "phone"), *map(header_key, _FURTHER_PHONES))
)
_WORD = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")
_UNSPACED = "\u1100"  # from Korean on, scripts write words of a name without spaces between them
_WITHIN = 5  # letters of a name that is found inside others, as telefon is in Telefonnummer


@lru_cache(maxsize=2_000)
def is_of_ours(name: str) -> bool:
    """Say whether a column is about somebody of ours by its name, so that an address in it is not the lead's."""
    if "@" in name:  # what a file without a header has in its place
        return False
    words = words_of(name)
    from_each_on = ["".join(words[start:]) for start in range(len(words))]
    if any(rest.startswith(_OURS_KEYS) for rest in from_each_on):
        return True
    whole = "".join(words)
    if any(key[0] >= _UNSPACED and key in whole for key in _OURS_KEYS):
        return True
    return not _OURS_WORD_KEYS.isdisjoint(words)


@lru_cache(maxsize=2_000)
def has_others_addresses(name: str) -> bool:
    """Say whether an address in a column is somebody else's than the lead's by its name: ours, or a partner's."""
    if "@" in name:
        return False
    words = list(dropwhile(_ADDRESS_WORDS.__contains__, words_of(name)))
    return not _OTHERS_KEYS.isdisjoint(("".join(words[:1]), "".join(words[:2]))) or is_of_ours(name)


@lru_cache(maxsize=2_000)
def names_phone(name: str) -> bool:
    """Say whether a column may hold phone numbers by a part of its name, as Work Phone and WhatsApp 2 do."""
    words, key = words_of(name), header_key(name)
    return not _PHONE_KEYS.isdisjoint(words) or any(
        each in key for each in _PHONE_KEYS if len(each) >= _WITHIN or each[0] >= _UNSPACED
    )


def field_of(name: str) -> str | None:
    """Return the field that a column's name says, if it says one: by itself, behind a word for whose it is, or, of what
    stands inside objects about the lead (`properties.email`), without their names, unless that is a consent."""
    plain = without_number(name)
    if (found := _FIELDS.get(header_key(plain)) or _field_behind_prefix(plain)) or "." not in plain:
        return found
    inner = plain.split(".")
    while len(inner) > 1 and header_key(inner[0]) in _ABOUT_THE_LEAD:
        del inner[0]
        if (field := _FIELDS.get(header_key(".".join(inner)))) is not None:
            return None if field in REFUSALS | CONSENTS else field
    return None


def is_prefixed(name: str) -> bool:
    """Say whether a column's name says its field only behind a word for whose it is, as `Person - Email` does."""
    plain = without_number(name)
    return header_key(plain) not in _FIELDS and _field_behind_prefix(plain) is not None


def _field_behind_prefix(name: str) -> str | None:
    if own := without_person(name):
        return _FIELDS.get(header_key(own))
    # Of the company nothing else is the lead's own: its phone and its address are not.
    named = without_company(name)
    return "company" if named and _FIELDS.get(header_key(named)) == "company" else None


def without_number(name: str) -> str:
    """Return a column's name as the file has it, where another one of the same name stands before it."""
    return _SECOND.sub("", name)


def words_of(name: str) -> list[str]:
    """Return the words of a column's name, each as `header_key` makes it."""
    return [key for word in _WORD.split(name) if (key := header_key(word))]
