using System.Collections.Immutable;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Map;

/// <summary>Hashes bodies and computes and applies the differences between them. Pure.</summary>
public static class MapChange
{
    /// <summary>Hashes a body's canonical bytes.</summary>
    public static Digest256 Hash(MapBody body) => Sha256.Hash(ProtocolJson.Encode(body, ProtocolJson.Default.MapBody));

    /// <summary>Computes what leads from one body to another of the same node; null where they are equal.</summary>
    public static MapDelta? Between(MapBody from, MapBody to)
    {
        var (baseHash, resultHash) = (Hash(from), Hash(to));
        if (baseHash == resultHash)
            return null;
        var before = from.Peers.ToDictionary(peer => peer.Id);
        var set = to.Peers.Where(peer => !before.Remove(peer.Id, out var old) || !SameBytes(old, peer)).ToImmutableArray();
        var removed = before.Keys.OrderBy(id => id.ToString(), StringComparer.Ordinal).ToImmutableArray();
        return new MapDelta(
            baseHash,
            resultHash,
            Same(from.Self, to.Self, ProtocolJson.Default.SelfEntry) ? null : to.Self,
            set.IsEmpty ? null : set,
            removed.IsEmpty ? null : removed,
            SameList(from.Controllers, to.Controllers, ProtocolJson.Default.ControllerEntry) ? null : to.Controllers,
            from.Withdrawn.SequenceEqual(to.Withdrawn) ? null : to.Withdrawn);
    }

    /// <summary>
    /// Applies a delta. False, with nothing changed, where it belongs to another body or does not lead to the body that it claims.
    /// </summary>
    public static bool TryApply(MapBody body, MapDelta delta, out MapBody result)
    {
        result = body;
        if (Hash(body) != delta.BaseHash)
            return false;
        var peers = body.Peers.ToDictionary(peer => peer.Id);
        foreach (var id in delta.Removed ?? [])
            peers.Remove(id);
        foreach (var peer in delta.Set ?? [])
            peers[peer.Id] = peer;
        var changed = body with
        {
            Self = delta.Self ?? body.Self,
            Peers = [.. peers.Values.OrderBy(peer => peer.Id.ToString(), StringComparer.Ordinal)],
            Controllers = delta.Controllers ?? body.Controllers,
            Withdrawn = delta.Withdrawn ?? body.Withdrawn,
        };
        if (Hash(changed) != delta.ResultHash)
            return false;
        result = changed;
        return true;
    }

    static bool SameBytes(PeerEntry left, PeerEntry right) => Same(left, right, ProtocolJson.Default.PeerEntry);

    internal static bool Same<T>(T left, T right, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) =>
        ReferenceEquals(left, right) || ProtocolJson.Encode(left, type).AsSpan().SequenceEqual(ProtocolJson.Encode(right, type));

    internal static bool SameList<T>(IReadOnlyList<T> left, IReadOnlyList<T> right, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) =>
        ReferenceEquals(left, right) || left.Count == right.Count && left.Zip(right).All(pair => Same(pair.First, pair.Second, type));
}
