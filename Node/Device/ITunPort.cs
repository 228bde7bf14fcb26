namespace Mesh.Node.Device;

/// <summary>
/// The inside end of the data path: whole IP packets to and from the operating system's stack, in batches. Implemented by
/// <see cref="TunDevice"/> and, in tests, by memory. Never blocks; one reader and one writer at a time.
/// </summary>
interface ITunPort
{
    /// <summary>Readable when a packet waits.</summary>
    int Descriptor { get; }

    /// <summary>Appends waiting packets to the batch until it is full or none waits.</summary>
    /// <returns>0, or the errno that ended reading for good (EAGAIN is not one).</returns>
    int Read(PacketBatch batch);

    /// <summary>Gives packets to the stack, in order. The 16 bytes before each packet may be overwritten.</summary>
    /// <returns>How many were taken.</returns>
    int Write(ReadOnlySpan<PacketRef> packets);
}
