using System.Collections.Immutable;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Protocol.Map;

/// <summary>Is a peer's entry with its canonical bytes. Everyone who is shown the peer in the same way shares one. Immutable.</summary>
public sealed class EncodedPeer(PeerEntry entry)
{
    /// <summary>Gets the entry.</summary>
    public PeerEntry Entry => entry;

    /// <summary>Gets its canonical bytes.</summary>
    public ReadOnlyMemory<byte> Bytes { get; } = ProtocolJson.Encode(entry, ProtocolJson.Default.PeerEntry);

    /// <summary>Gets the text of the peer's id: the order of peers in a body.</summary>
    public string IdText { get; } = entry.Id.ToString();

    internal bool Equals(EncodedPeer other) => ReferenceEquals(this, other) || Bytes.Span.SequenceEqual(other.Bytes.Span);
}

/// <summary>
/// Is a <see cref="MapBody"/> put together from entries that are encoded already, with its hash. Hashing, comparing and sending it
/// gives the same bytes as <see cref="MapChange"/> and <see cref="ProtocolJson"/> do, without encoding the same peers again for
/// every node that sees them. Immutable.
/// </summary>
public sealed class EncodedBody
{
    readonly MapBody _frame;

    /// <summary>Puts a body together.</summary>
    /// <param name="frame">Everything but the peers; its own list of them is not looked at.</param>
    /// <param name="peers">The peers, sorted by the text of their ids.</param>
    public EncodedBody(MapBody frame, ImmutableArray<EncodedPeer> peers)
    {
        (_frame, Peers) = (frame.Peers.Count == 0 ? frame : frame with { Peers = [] }, peers);
        Hash = Sha256.Hash(Encode());
    }

    /// <summary>Gets the peers, sorted by the text of their ids.</summary>
    public ImmutableArray<EncodedPeer> Peers { get; }

    /// <summary>Gets SHA-256 over the canonical bytes.</summary>
    public Digest256 Hash { get; }

    /// <summary>Gives the body as nodes decode it.</summary>
    public MapBody Body => _frame with { Peers = [.. Peers.Select(peer => peer.Entry)] };

    /// <summary>Gives the canonical bytes.</summary>
    public byte[] Encode() => Fill(ProtocolJson.Encode(_frame, ProtocolJson.Default.MapBody), "\"peers\":[]"u8, Peers.AsSpan());

    /// <summary>Gives the bytes of a leaf that brings it in full.</summary>
    public byte[] EncodeFull() =>
        Fill(ProtocolJson.Encode(new MapLeaf(_frame.Self.Id, Full: _frame), ProtocolJson.Default.MapLeaf), "\"peers\":[]"u8, Peers.AsSpan());

    /// <summary>Gives the bytes of a leaf that leads here from another body of the same node; null where they are equal.</summary>
    /// <param name="from">The other body.</param>
    /// <param name="set">The peers that are new or different.</param>
    public byte[]? EncodeDelta(EncodedBody from, out ImmutableArray<EncodedPeer> set)
    {
        set = [];
        if (from.Hash == Hash)
            return null;
        (set, var removed) = Compare(from.Peers.AsSpan(), Peers.AsSpan());
        var delta = new MapDelta(
            from.Hash,
            Hash,
            MapChange.Same(from._frame.Self, _frame.Self, ProtocolJson.Default.SelfEntry) ? null : _frame.Self,
            set.IsEmpty ? null : [],
            removed,
            MapChange.SameList(from._frame.Controllers, _frame.Controllers, ProtocolJson.Default.ControllerEntry) ? null : _frame.Controllers,
            from._frame.Withdrawn.SequenceEqual(_frame.Withdrawn) ? null : _frame.Withdrawn);
        return Fill(ProtocolJson.Encode(new MapLeaf(_frame.Self.Id, Delta: delta), ProtocolJson.Default.MapLeaf), "\"set\":[]"u8, set.AsSpan());
    }

    // Both are sorted by id: one pass finds what came, what changed and what went.
    static (ImmutableArray<EncodedPeer> Set, IReadOnlyList<NodeId>? Removed) Compare(ReadOnlySpan<EncodedPeer> from, ReadOnlySpan<EncodedPeer> to)
    {
        var set = ImmutableArray.CreateBuilder<EncodedPeer>();
        List<NodeId>? removed = null;
        var (old, now) = (0, 0);
        while (old < from.Length || now < to.Length)
        {
            if (old < from.Length && now < to.Length && from[old].Entry.Id == to[now].Entry.Id)
            {
                if (!to[now].Equals(from[old]))
                    set.Add(to[now]);
                (old, now) = (old + 1, now + 1);
            }
            else if (now == to.Length
                || old < from.Length && string.CompareOrdinal(from[old].IdText, to[now].IdText) < 0)
            {
                (removed ??= []).Add(from[old++].Entry.Id);
            }
            else
            {
                set.Add(to[now++]);
            }
        }
        return (set.DrainToImmutable(), removed);
    }

    // Puts the entries into the empty list. A text within a document has its quotes escaped, so the list's name is found nowhere else.
    static byte[] Fill(byte[] document, ReadOnlySpan<byte> emptyList, ReadOnlySpan<EncodedPeer> peers)
    {
        if (peers.Length == 0)
            return document;
        var at = document.AsSpan().IndexOf(emptyList) + emptyList.Length - 1;
        var length = document.Length + peers.Length - 1;
        foreach (var peer in peers)
            length += peer.Bytes.Length;
        var filled = GC.AllocateUninitializedArray<byte>(length);
        document.AsSpan(0, at).CopyTo(filled);
        var rest = filled.AsSpan(at);
        for (var i = 0; i < peers.Length; i++)
        {
            if (i > 0)
            {
                rest[0] = (byte)',';
                rest = rest[1..];
            }
            peers[i].Bytes.Span.CopyTo(rest);
            rest = rest[peers[i].Bytes.Length..];
        }
        document.AsSpan(at).CopyTo(rest);
        return filled;
    }
}
