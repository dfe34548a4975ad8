/**
 * What systems ask people about, by words that the permission's name holds: Android's "dangerous" permissions and Apple's usage
 * descriptions.
 */
const asked: readonly (readonly [RegExp, string])[] = [
  [/\bCAMERA\b|NSCamera/, "camera"],
  [/RECORD_AUDIO|NSMicrophone/, "microphone"],
  [/LOCATION|NSLocation/, "location"],
  [/CONTACTS|GET_ACCOUNTS|NSContacts/, "contacts"],
  [/CALENDAR|NSCalendars|NSReminders/, "calendar"],
  [/READ_PHONE|CALL_PHONE|CALL_LOG|ANSWER_PHONE/, "phone calls"],
  [/_SMS\b|RECEIVE_MMS|WAP_PUSH/, "text messages"],
  [/READ_MEDIA|NSPhotoLibrary/, "photos and media"],
  [/EXTERNAL_STORAGE|NS(?:Documents|Desktop|Downloads)Folder/, "files"],
  [/POST_NOTIFICATIONS/, "notifications"],
  [/BLUETOOTH_(?:SCAN|CONNECT|ADVERTISE)|NEARBY_WIFI|NSBluetooth|NSLocalNetwork/, "devices nearby"],
  [/BODY_SENSORS|ACTIVITY_RECOGNITION|NSHealth|NSMotion/, "health and motion"],
  [/NSFaceID|USE_BIOMETRIC/, "face or fingerprint"],
  [/NSUserTracking|\.AD_ID\b/, "tracking across apps"],
  [/SYSTEM_ALERT_WINDOW/, "drawing over other apps"],
  [/REQUEST_INSTALL_PACKAGES/, "installing other apps"],
  [/^runFullTrust$/, "the whole system, as ordinary programs"],
  [/^(?:webcam|microphone|location|contacts)$/, "camera, microphone, location or contacts"],
];

/** The permissions that people care about, in words, each once; `more` counts the others. */
export function permissionWords(names: readonly string[]): {
  readonly words: readonly string[];
  readonly more: number;
} {
  const words = names.map((name) => asked.find(([pattern]) => pattern.test(name))?.[1]);
  return {
    words: [...new Set(words.filter((word) => word !== undefined))],
    more: words.filter((word) => word === undefined).length,
  };
}
