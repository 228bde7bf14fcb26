using System.Runtime.InteropServices;

namespace Mesh.Protocol.Segmentation;

/// <summary>A piece of memory in a list to be written in one go, laid out as <c>struct iovec</c>.</summary>
/// <param name="Data">First byte, in pinned memory.</param>
/// <param name="Length">Bytes.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct GatherVector(nint Data, nint Length);

/// <summary>One write to the TUN device, from <see cref="PacketCoalescer"/>.</summary>
/// <param name="header">What the virtio header says.</param>
/// <param name="vectors">The virtio header, the first packet, and the payloads of the others.</param>
/// <param name="packetCount">Packets merged into it, the first included.</param>
public readonly ref struct CoalescedGroup(VirtioHeader header, ReadOnlySpan<GatherVector> vectors, int packetCount)
{
    /// <summary>Gets what the virtio header says: all zeros for a packet alone, which is written as it came.</summary>
    public VirtioHeader Header { get; } = header;

    /// <summary>
    /// Gets what to write, in this order: the virtio header, the first packet with its headers, the payloads of the others. Without the first
    /// element it is what a device without virtio headers takes, when nothing was merged. Valid until the coalescer is cleared.
    /// </summary>
    public ReadOnlySpan<GatherVector> Vectors { get; } = vectors;

    /// <summary>Gets the packets merged, the first included.</summary>
    public int PacketCount { get; } = packetCount;
}
