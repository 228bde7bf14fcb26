using System.Runtime.CompilerServices;

namespace Mesh.Protocol.Segmentation;

/// <summary>
/// Merges packets on their way to a TUN device with <c>IFF_VNET_HDR</c>, so that one write carries up to 64 KiB: consecutive segments of a TCP
/// connection, and equally long datagrams of a UDP flow where the device takes them. What the receiver of each flow sees stays the same:
/// only packets with right checksums and equal headers are merged, what cannot be merged is passed unchanged, and nothing overtakes another
/// packet of its flow. Owned by one thread; allocates nothing after construction.
/// </summary>
/// <remarks>
/// A batch goes <see cref="Add"/>, <see cref="Complete"/>, groups by index, <see cref="Clear"/>. The packets' memory is pinned and left alone
/// meanwhile; the headers of a group's first packet are rewritten there, no payload is copied. Up to 32 flows of one batch are merged; those
/// beyond pass singly. Rules: as Linux' own receive offload, but stricter (equal windows, consecutive identifications without DF).
/// </remarks>
public sealed unsafe partial class PacketCoalescer
{
    /// <summary>Packets in one batch, at most: a group is one vectored write, which takes 1,024 pieces (<c>IOV_MAX</c>).</summary>
    public const int MaxCapacity = 1023;

    /// <summary>Datagrams in one UDP group: what every kernel with UDP segmentation takes.</summary>
    public const int MaxUdpSegments = 64;

    const int MaxTotalLength = 65535;
    const int TableBits = 6;
    const int TableSize = 1 << TableBits;
    const int MaxFlows = 32;
    const int MaxProbes = 8;
    const int HeaderStride = 16;
    const int None = -1;

    readonly bool _tcp;
    readonly bool _udp;
    readonly Packet[] _packets;
    readonly Group[] _groups;
    readonly GatherVector[] _vectors;
    readonly byte[] _headers;
    readonly nint _headersAt;
    readonly int[] _table = new int[TableSize];
    int _packetCount;
    int _groupCount;
    int _flowCount;
    int _epoch;
    int _recent = None;
    int _recentSlot;
    bool _completed;

    /// <param name="capacity">Packets in one batch: 1 to <see cref="MaxCapacity"/>.</param>
    /// <param name="coalesceTcp">Whether TCP segments are merged.</param>
    /// <param name="coalesceUdp">Whether UDP datagrams are merged: only for a device that takes <see cref="GsoType.UdpL4"/>.</param>
    public PacketCoalescer(int capacity, bool coalesceTcp, bool coalesceUdp)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, MaxCapacity);
        _tcp = coalesceTcp;
        _udp = coalesceUdp;
        _packets = new Packet[capacity];
        _groups = new Group[capacity];
        _vectors = GC.AllocateArray<GatherVector>(capacity * 2, pinned: true);
        _headers = GC.AllocateArray<byte>(capacity * HeaderStride, pinned: true);
        _headersAt = (nint)Unsafe.AsPointer(ref _headers[0]);
        Clear();
    }

    /// <summary>Gets the packets that fit in a batch.</summary>
    public int Capacity => _packets.Length;

    /// <summary>Gets the packets added.</summary>
    public int PacketCount => _packetCount;

    /// <summary>Gets whether no further packet fits.</summary>
    public bool IsFull => _packetCount == _packets.Length;

    /// <summary>Gets the groups, once <see cref="Complete"/> was called.</summary>
    public int GroupCount => _groupCount;

    /// <summary>Gets a group. The groups are to be written in the order of their index.</summary>
    /// <exception cref="InvalidOperationException">The batch is not complete.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such group.</exception>
    public CoalescedGroup this[int index]
    {
        get
        {
            if (!_completed)
                throw new InvalidOperationException("The batch is not complete.");
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)_groupCount, nameof(index));
            ref var group = ref _groups[index];
            return new CoalescedGroup(
                VirtioHeader.Read(_headers.AsSpan(index * HeaderStride)), _vectors.AsSpan(group.VectorsAt, group.Count + 1), group.Count);
        }
    }

    /// <summary>Adds the next packet.</summary>
    /// <param name="data">First byte of the IP packet, in pinned memory.</param>
    /// <param name="length">Its bytes, at least 1: what the IP header states, without padding.</param>
    /// <returns>False when <see cref="IsFull"/>: nothing was added.</returns>
    /// <exception cref="InvalidOperationException">The batch is complete and was not cleared.</exception>
    public bool Add(nint data, int length)
    {
        if (_completed)
            throw new InvalidOperationException("The batch is complete.");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        if (IsFull)
            return false;
        var packet = (byte*)data;
        if (!_tcp && !_udp)
        {
            AddAlone(packet, length);
            return true;
        }

        switch (Read(packet, length, out var view))
        {
            case Reading.OtherFlow:
                AddAlone(packet, length);
                break;
            case Reading.AnyFlow:
                // It may belong to any of the open groups: none may take what comes after it.
                _epoch++;
                AddAlone(packet, length);
                break;
            default:
                AddToFlow(packet, view);
                break;
        }

        return true;
    }

    /// <summary>Forgets the batch.</summary>
    public void Clear()
    {
        _packetCount = _groupCount = _flowCount = _epoch = 0;
        _recent = None;
        _completed = false;
        Array.Fill(_table, None);
    }

    void AddToFlow(byte* packet, in View view)
    {
        var found = Find(packet, view, out var slot);
        var isOpen = found != None && _groups[found].Epoch == _epoch;
        if (view.Mergeable)
        {
            if (isOpen && TryJoin(ref _groups[found], packet, view))
                return;
        }
        else
        {
            if (isOpen)
                _groups[found].Epoch = None;
            AddAlone(packet, view.Length);
            return;
        }

        var opened = _groupCount;
        AddAlone(packet, view.Length);
        if (slot == None)
            return;
        ref var group = ref _groups[opened];
        group.Epoch = view.Ends ? None : _epoch;
        group.Transport = view.Transport;
        group.Headers = view.Headers;
        group.IsTcp = view.IsTcp;
        group.SegmentSize = (ushort)(view.Length - view.Headers);
        group.NextSequence = view.Sequence + group.SegmentSize;
        if (found == None)
            _flowCount++;
        _table[slot] = opened;
        _recent = opened;
        _recentSlot = slot;
    }

    void AddAlone(byte* packet, int length)
    {
        _packets[_packetCount] = new Packet { Data = (nint)packet, Length = length, Next = None };
        _groups[_groupCount++] = new Group { Head = _packetCount, Tail = _packetCount, Count = 1, Length = length, Epoch = None };
        _packetCount++;
    }

    /// <summary>Finds the newest group of a packet's flow, and the slot of the table for the flow; no slot: the flow passes singly.</summary>
    int Find(byte* packet, in View view, out int slot)
    {
        if (_recent != None && SameFlow(packet, (byte*)_packets[_groups[_recent].Head].Data, view))
        {
            slot = _recentSlot;
            return _recent;
        }

        var at = Hash(packet, view);
        for (var i = 0; i < MaxProbes; i++, at = (at + 1) & (TableSize - 1))
        {
            var candidate = _table[at];
            if (candidate == None)
            {
                slot = _flowCount < MaxFlows ? at : None;
                return None;
            }

            if (!SameFlow(packet, (byte*)_packets[_groups[candidate].Head].Data, view))
                continue;
            _recent = candidate;
            _recentSlot = at;
            slot = at;
            return candidate;
        }

        slot = None;
        return None;
    }

    /// <summary>Appends a packet to its flow's open group; otherwise closes the group.</summary>
    bool TryJoin(ref Group group, byte* packet, in View view)
    {
        ref var first = ref _packets[group.Head];
        var payload = view.Length - view.Headers;
        if (payload > group.SegmentSize
            || group.Length + payload > MaxTotalLength
            || (!view.IsTcp && group.Count == MaxUdpSegments)
            || (view.IsTcp && view.Sequence != group.NextSequence)
            || !SameHeaders((byte*)first.Data, packet, group, view)
            || (group.Count == 1 && !HasRightChecksums((byte*)first.Data, first.Length, view))
            || !HasRightChecksums(packet, view.Length, view))
        {
            group.Epoch = None;
            return false;
        }

        _packets[_packetCount] = new Packet { Data = (nint)packet + view.Headers, Length = payload, Next = None };
        _packets[group.Tail].Next = _packetCount;
        group.Tail = _packetCount++;
        group.Count++;
        group.Length += payload;
        group.NextSequence += (uint)payload;
        if (view.Ends || payload < group.SegmentSize)
            group.Epoch = None;
        group.Push |= view.Ends;
        return true;
    }

    struct Packet
    {
        public nint Data;
        public int Length;
        public int Next;
    }

    struct Group
    {
        public int Head;
        public int Tail;
        public int Count;
        public int Length;

        /// <summary>Open while it equals the coalescer's.</summary>
        public int Epoch;
        public uint NextSequence;
        public int VectorsAt;
        public ushort SegmentSize;
        public byte Transport;
        public byte Headers;
        public bool IsTcp;
        public bool Push;
    }
}
