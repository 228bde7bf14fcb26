using Mesh.Protocol.Time;

namespace Mesh.Actors.Audit;

/// <summary>Is one line of the audit list: an event as people read it. It never holds a secret nor a secret's hash.</summary>
/// <param name="Ordering">The event's place in the journal; grows, may have gaps.</param>
/// <param name="At">When it was decided.</param>
/// <param name="By">Who caused it.</param>
/// <param name="Kind">What happened: the event's name without its version, <c>credential.used</c>.</param>
/// <param name="Subject">What it happened to: <c>credential-ID</c>, <c>node-ID</c>, <c>user-NAME</c>, ...</param>
/// <param name="Detail">The rest in one short line.</param>
public sealed record AuditEntry(long Ordering, WallTime At, string By, string Kind, string Subject, string Detail);

/// <summary>Is a stretch of the audit list in the journal's order.</summary>
/// <param name="Entries">The entries.</param>
/// <param name="Next">The ordering to ask for the next page after; null where this was the last page.</param>
public sealed record AuditPage(IReadOnlyList<AuditEntry> Entries, long? Next);
