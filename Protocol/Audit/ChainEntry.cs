using System.Buffers.Binary;
using System.Text;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Audit;

/// <summary>
/// Is one event as the audit chain covers it. The payload enters by its hash, so that an entry whose payload is withheld can still be
/// checked; every payload holds the random id of its command, so the hash gives nothing away. Immutable.
/// </summary>
/// <param name="Ordering">The event's place in the journal.</param>
/// <param name="PersistenceId">The entity that it happened to.</param>
/// <param name="SequenceNr">Its number among the entity's events.</param>
/// <param name="CreatedMs">When it was stored, in milliseconds since 1970-01-01 UTC.</param>
/// <param name="Manifest">The event's name with its version.</param>
/// <param name="CommandId">The command that caused it; null: not known.</param>
/// <param name="PayloadHash">SHA-256 over the payload's exact bytes.</param>
public sealed record ChainEntry(
    long Ordering, string PersistenceId, long SequenceNr, long CreatedMs, string Manifest, string? CommandId, Digest256 PayloadHash)
{
    /// <summary>
    /// Computes the entry's hash, version 1: SHA-256 over
    /// <c>"mesh-audit-entry-v1" | ordering(8) | number(8) | created(8) | length(4) id | length(4) manifest | known(1) length(4) command |
    /// payload hash(32)</c>, integers big-endian, texts in UTF-8, known 1 or 0 (then length 0).
    /// </summary>
    public Digest256 Hash()
    {
        using var hash = new RunningSha256();
        hash.Append("mesh-audit-entry-v1"u8);
        Span<byte> numbers = stackalloc byte[24];
        BinaryPrimitives.WriteInt64BigEndian(numbers, Ordering);
        BinaryPrimitives.WriteInt64BigEndian(numbers[8..], SequenceNr);
        BinaryPrimitives.WriteInt64BigEndian(numbers[16..], CreatedMs);
        hash.Append(numbers);
        AppendText(hash, PersistenceId);
        AppendText(hash, Manifest);
        hash.Append([CommandId is null ? (byte)0 : (byte)1]);
        AppendText(hash, CommandId ?? "");
        hash.Append(PayloadHash.Value.Span);
        return hash.Finish();
    }

    static void AppendText(RunningSha256 hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        hash.Append(length);
        hash.Append(bytes);
    }
}
