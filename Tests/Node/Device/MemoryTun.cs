using Mesh.Node.Device;

namespace Mesh.Tests.Node.Device;

/// <summary>A device in memory: packets given by the test are read, written ones are counted and, if wanted, kept. Allocates only when it keeps.</summary>
sealed class MemoryTun : ITunPort
{
    readonly Queue<byte[]> _waiting = new(4096);

    public int Descriptor => -1;

    public List<byte[]> Delivered { get; } = [];

    public int DeliveredCount { get; private set; }

    public bool Keep { get; set; } = true;

    public void Give(byte[] packet) => _waiting.Enqueue(packet);

    public int Read(PacketBatch batch)
    {
        while (batch.Count < batch.Capacity && _waiting.TryDequeue(out var packet))
        {
            packet.CopyTo(batch.Next);
            batch.Commit(packet.Length);
        }

        return 0;
    }

    public int Write(ReadOnlySpan<PacketRef> packets)
    {
        DeliveredCount += packets.Length;
        if (Keep)
        {
            foreach (var packet in packets)
                Delivered.Add(packet.Span.ToArray());
        }

        return packets.Length;
    }
}
