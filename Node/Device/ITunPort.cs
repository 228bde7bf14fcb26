using Mesh.Protocol.Segmentation;

namespace Mesh.Node.Device;

/// <summary>
/// The inside end of the data path: IP packets to and from the operating system's stack, as large as it will give and take them. Implemented
/// by <see cref="TunQueue"/> and, in tests, by memory. Never blocks; one reader and one writer at a time, and the two may be different threads.
/// </summary>
interface ITunPort
{
    /// <summary>Room that <see cref="Read"/> needs behind a packet's place: the longest packet there is.</summary>
    const int MaxPacket = 65536;

    /// <summary>Readable when a packet waits.</summary>
    int Descriptor { get; }

    /// <summary>Whether written packets may be merged to larger ones, TCP and UDP.</summary>
    (bool Tcp, bool Udp) Merges { get; }

    /// <summary>
    /// Reads one packet to <paramref name="place"/>, which has <see cref="MaxPacket"/> bytes; the 16 bytes before it are overwritten. With
    /// segmentation offload it may stand for several, as its header says.
    /// </summary>
    /// <returns>Its length; 0 when none waits; the negative errno that ended reading for good.</returns>
    int Read(nint place, out VirtioHeader header);

    /// <summary>Gives the merged packets to the stack, in order. The 16 bytes before each packet are overwritten.</summary>
    /// <returns>How many packets, as they were added, the stack refused.</returns>
    int Write(PacketCoalescer packets);

    /// <summary>Gives one packet to the stack; from any thread.</summary>
    /// <returns>Whether it was taken.</returns>
    bool TryWrite(ReadOnlySpan<byte> packet);
}
