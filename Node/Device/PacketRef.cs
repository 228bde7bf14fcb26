namespace Mesh.Node.Device;

/// <summary>A packet or datagram somewhere in pinned memory.</summary>
/// <param name="Data">First byte; the memory is pinned and lives as long as the batch that owns it.</param>
/// <param name="Length">Bytes.</param>
readonly unsafe record struct PacketRef(nint Data, int Length)
{
    /// <summary>The bytes.</summary>
    public Span<byte> Span => new((byte*)Data, Length);
}

/// <summary>Pinned memory of a fixed size, aligned to cache lines. Zeroing it is the user's business.</summary>
sealed unsafe class PinnedMemory
{
    const int Alignment = 64;

    readonly byte[] _bytes;

    /// <param name="length">Bytes.</param>
    public PinnedMemory(int length)
    {
        _bytes = GC.AllocateUninitializedArray<byte>(length + Alignment, pinned: true);
        Start = ((nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _bytes[0]) + Alignment - 1) & ~(nint)(Alignment - 1);
        Length = length;
    }

    /// <summary>First byte; valid as long as this object is referenced.</summary>
    public nint Start { get; }

    /// <summary>Bytes.</summary>
    public int Length { get; }

    /// <summary>The bytes from an offset to the end.</summary>
    public Span<byte> From(int offset) => new((byte*)Start + offset, Length - offset);
}
