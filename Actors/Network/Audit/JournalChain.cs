using Mesh.Actors.Ports;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Audit;

/// <summary>Links the journal's events to a hash chain: every event counts, in the order of commits; spent numbers are no events.</summary>
public static class JournalChain
{
    /// <summary>Gives the event as the chain covers it.</summary>
    public static ChainEntry ToChainEntry(this JournalEvent journaled) => new(
        journaled.Ordering, journaled.PersistenceId, journaled.SequenceNr, journaled.CreatedMs, journaled.Manifest, journaled.CommandId,
        journaled.IsPruned ? new Digest256(journaled.Payload.Span) : Sha256.Hash(journaled.Payload.Span));

    /// <summary>Gives the head after the next event of the journal.</summary>
    public static AuditHead Append(this AuditHead head, JournalEvent next) => head.Append(next.ToChainEntry());
}
