using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Controller.Admin;

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
sealed record VerifiedStretch(
    string File, long Entries, string From, string To, ControllerId Controller, int Epoch, WallTime Issued, bool Payloads);
