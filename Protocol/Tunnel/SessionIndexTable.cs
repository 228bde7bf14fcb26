using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <summary>Gives one <see cref="PeerMachine"/> its indexes and takes the sessions it publishes under them.</summary>
public interface ISessionIndexes
{
    /// <summary>Reserves a random index that is unique on the device.</summary>
    SessionIndex Reserve();

    /// <summary>Publishes a session under a reserved index: from here on the data path finds it.</summary>
    void Bind(SessionIndex index, TransportSession session);

    /// <summary>Gives an index back; unknown indexes are ignored.</summary>
    void Release(SessionIndex index);
}

/// <summary>Says whose index it is, and the session under it once there is one.</summary>
public sealed record SessionEntry<TPeer>(TPeer Peer, TransportSession? Session) where TPeer : notnull;

/// <summary>
/// Maps receiver indexes of arriving messages to peers and sessions, one table for a device. Look-ups take no lock and allocate
/// nothing; all members are safe for concurrent use.
/// </summary>
public sealed class SessionIndexTable<TPeer> where TPeer : notnull
{
    readonly ConcurrentDictionary<uint, SessionEntry<TPeer>> _entries = new();
    readonly IEntropy _entropy;

    /// <summary>Creates an empty table that draws indexes from the given entropy.</summary>
    public SessionIndexTable(IEntropy entropy) => _entropy = entropy;

    /// <summary>Gets the number of indexes in use.</summary>
    public int Count => _entries.Count;

    /// <summary>Finds the owner of an index.</summary>
    public bool TryFind(SessionIndex index, [NotNullWhen(true)] out SessionEntry<TPeer>? entry) =>
        _entries.TryGetValue(index.Value, out entry);

    /// <summary>Gives the view of this table that one peer's machine works with.</summary>
    public ISessionIndexes For(TPeer peer) => new PeerView(this, peer);

    sealed class PeerView(SessionIndexTable<TPeer> table, TPeer peer) : ISessionIndexes
    {
        readonly SessionEntry<TPeer> _reserved = new(peer, null);

        public SessionIndex Reserve()
        {
            Span<byte> bytes = stackalloc byte[4];
            while (true)
            {
                lock (table._entropy)
                    table._entropy.Fill(bytes);
                var index = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
                if (table._entries.TryAdd(index, _reserved))
                    return new SessionIndex(index);
            }
        }

        public void Bind(SessionIndex index, TransportSession session) =>
            table._entries[index.Value] = new SessionEntry<TPeer>(peer, session);

        public void Release(SessionIndex index) => table._entries.TryRemove(index.Value, out _);
    }
}
