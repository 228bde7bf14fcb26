using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Controller.Admin;

/// <summary>Asks to forget what ended long ago.</summary>
/// <param name="OlderThan">How many seconds ago it ended at least.</param>
/// <param name="DryRun">Only say what would be forgotten.</param>
sealed record PruneRequest(long OlderThan, bool DryRun);

/// <summary>Is what <c>audit prune --json</c> prints.</summary>
/// <param name="Before">The moment before which it had ended.</param>
/// <param name="Entities">How many credentials, nodes and tokens.</param>
/// <param name="Events">How many of their events have no content any more.</param>
/// <param name="DryRun">Whether nothing was done.</param>
sealed record PruneAnswer(WallTime Before, int Entities, long Events, bool DryRun);

/// <summary>Is what <c>audit verify --json</c> prints where all is in order.</summary>
/// <param name="Files">The files, in order.</param>
/// <param name="Network">Whose history it is.</param>
/// <param name="RootHash">The hash of the root key that the signatures lead back to.</param>
/// <param name="RootKnown">Whether that was given; else anybody may have made the files.</param>
/// <param name="Head">Where the chain stands at the end, as nodes show it.</param>
/// <param name="HeadsFound">How many heads of nodes are part of it.</param>
sealed record AuditVerification(
    IReadOnlyList<VerifiedStretch> Files, NetworkId Network, Digest256 RootHash, bool RootKnown, string Head, int HeadsFound);

/// <summary>Is one file of them.</summary>
/// <param name="File">Its name.</param>
/// <param name="Entries">How many events it holds.</param>
/// <param name="From">Where the chain stands before the first.</param>
/// <param name="To">Where it stands after the last.</param>
/// <param name="Controller">Who signed it.</param>
/// <param name="Epoch">In which epoch.</param>
/// <param name="Issued">When.</param>
/// <param name="Payloads">Whether it holds the events' content.</param>
/// <param name="Pruned">How many events have lost their content by retention: their place and hash are proven, what they said is gone.</param>
sealed record VerifiedStretch(
    string File, long Entries, string From, string To, ControllerId Controller, int Epoch, WallTime Issued, bool Payloads, long Pruned);
