using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Audit;

/// <summary>
/// Ends an export of the journal: a controller says which stretch the file holds and where its chain stands there. The next stretch
/// begins at <paramref name="To"/>.
/// </summary>
/// <param name="Network">The network.</param>
/// <param name="Epoch">The epoch in which it was signed.</param>
/// <param name="From">Where the chain stood before the first entry.</param>
/// <param name="To">Where it stands after the last.</param>
/// <param name="FileHash">SHA-256 over everything in the file before the line that holds this.</param>
/// <param name="Issued">When it was signed.</param>
public sealed record AuditStretch(NetworkId Network, int Epoch, AuditHead From, AuditHead To, Digest256 FileHash, WallTime Issued);

/// <summary>Answers a node that showed the head it holds: where the controller's own chain stands there. The node judges.</summary>
/// <param name="Network">The network.</param>
/// <param name="Epoch">The controller's epoch.</param>
/// <param name="Ordering">The ordering that the node named.</param>
/// <param name="At">The head after the last event at or before it.</param>
/// <param name="Tip">The head after the newest event.</param>
/// <param name="Issued">When it was signed.</param>
public sealed record AuditAnswer(NetworkId Network, int Epoch, long Ordering, AuditHead At, AuditHead Tip, WallTime Issued);
