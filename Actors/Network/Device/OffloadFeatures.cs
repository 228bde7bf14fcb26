namespace Mesh.Actors.Device;

/// <summary>Abilities of kernel and device that carry packets cheaper, each probed at the start and turned off where it is refused.</summary>
[Flags]
public enum OffloadFeatures
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The device hands over TCP segments larger than its MTU (TUN_F_TSO4, TUN_F_TSO6), which are split here.</summary>
    TunSegmentation = 1,

    /// <summary>The device hands over UDP datagrams in bulk (TUN_F_USO4, TUN_F_USO6).</summary>
    TunUdpSegmentation = 2,

    /// <summary>Packets of a flow are written to the device as one.</summary>
    TunCoalescing = 4,

    /// <summary>Datagrams to one endpoint are sent as one message (UDP_SEGMENT).</summary>
    SendSegmentation = 8,

    /// <summary>Datagrams of one sender are received as one message (UDP_GRO).</summary>
    ReceiveCoalescing = 16,

    /// <summary>The device has several queues (IFF_MULTI_QUEUE).</summary>
    MultiQueue = 32,
}

/// <summary>Whether an offload is in use.</summary>
/// <param name="Feature">Which one; a single flag.</param>
/// <param name="On">Whether it is in use now.</param>
/// <param name="Detail">Why it is off, or how far it reaches; for people, may be empty.</param>
public sealed record FeatureState(OffloadFeatures Feature, bool On, string Detail);
