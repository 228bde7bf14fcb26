using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

// Packets held while there is no session. Only the sending thread touches them; others ask it to (DataPlane.RequestRelease).
sealed partial class PeerSlot
{
    int _discard;
    int _releaseQueued;
    volatile bool _hasHeld;

    /// <summary>Held packets, oldest first; of the sending thread.</summary>
    public StagedPackets<HeldPacket> Held { get; } = new();

    /// <summary>Whether packets are held; set by the sending thread only.</summary>
    public bool HasHeld { get => _hasHeld; set => _hasHeld = value; }

    /// <summary>Why held packets are to be dropped; None: they are to be sent.</summary>
    public DropReason DiscardReason
    {
        get => (DropReason)Volatile.Read(ref _discard);
        set => Volatile.Write(ref _discard, (int)value);
    }

    /// <summary>Claims the one place that the peer has in the release queue.</summary>
    public bool TryQueueRelease() => Interlocked.Exchange(ref _releaseQueued, 1) == 0;

    /// <summary>Called when the peer was taken from the release queue, before it is looked at.</summary>
    public void BeginRelease() => Volatile.Write(ref _releaseQueued, 0);
}

/// <summary>A packet that waits for a session, laid out as in <see cref="PacketBatch"/> so that it is sealed where it lies.</summary>
sealed unsafe class HeldPacket(int size)
{
    readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(size, pinned: true);

    /// <summary>Bytes of the inner packet.</summary>
    public int Length { get; private set; }

    /// <summary>The whole buffer, header room first.</summary>
    public Span<byte> Slot => _bytes;

    /// <summary>Copies a packet in.</summary>
    public void Set(ReadOnlySpan<byte> packet)
    {
        packet.CopyTo(_bytes.AsSpan(PacketBatch.Headroom));
        Length = packet.Length;
    }

    /// <summary>The datagram at the start of the buffer.</summary>
    public PacketRef Reference(int length) => new((nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _bytes[0]), length);
}

/// <summary>Lends buffers for held packets, up to a number that bounds their memory. Of the sending thread.</summary>
sealed class HeldPacketPool(int capacity, int packetSize)
{
    readonly Stack<HeldPacket> _free = new(capacity);
    int _made;

    /// <summary>A buffer, or null when all are lent.</summary>
    public HeldPacket? Rent()
    {
        if (_free.TryPop(out var packet))
            return packet;
        if (_made == capacity)
            return null;
        _made++;
        return new HeldPacket(packetSize);
    }

    /// <summary>Takes a buffer back.</summary>
    public void Return(HeldPacket packet) => _free.Push(packet);
}
