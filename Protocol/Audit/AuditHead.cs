using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Audit;

/// <summary>
/// Is where the hash chain over all events of a journal stands: its digest vouches for every event up to an ordering, their number and
/// their order. Two journals that are equal up to there have equal heads, whatever database holds them. Immutable.
/// </summary>
/// <param name="Ordering">The ordering of the newest event in the chain; 0 before the first.</param>
/// <param name="Count">How many events there are up to it.</param>
/// <param name="Digest">The chain's value; zero before the first event.</param>
public sealed record AuditHead(long Ordering, long Count, Digest256 Digest)
{
    /// <summary>Gets the head of an empty journal.</summary>
    public static AuditHead Empty { get; } = new(0, 0, default);

    /// <summary>
    /// Computes the head after the next event, version 1: SHA-256 over
    /// <c>"mesh-audit-head-v1" | digest before(32) | number of events(8, big-endian) | entry hash(32)</c>.
    /// </summary>
    public AuditHead Append(ChainEntry next)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(next.Ordering, Ordering, nameof(next));
        Span<byte> count = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(count, Count + 1);
        using var hash = new RunningSha256();
        hash.Append("mesh-audit-head-v1"u8);
        hash.Append(Digest.Value.Span);
        hash.Append(count);
        hash.Append(next.Hash().Value.Span);
        return new AuditHead(next.Ordering, Count + 1, hash.Finish());
    }

    /// <summary>Reads the text form.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out AuditHead? head)
    {
        head = null;
        if (text?.Split(':') is not [var ordering, var count, var digest]
            || !long.TryParse(ordering, NumberStyles.None, CultureInfo.InvariantCulture, out var place)
            || !long.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || !Octets32.TryParse(digest, out var value))
            return false;
        head = new AuditHead(place, number, new Digest256(value));
        return true;
    }

    /// <summary>Prints the text form that people compare: <c>ORDERING:COUNT:DIGEST</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Ordering}:{Count}:{Digest}");
}
