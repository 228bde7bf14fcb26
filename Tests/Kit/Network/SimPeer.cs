using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.Kit.Network;

/// <summary>Is one peer of a <see cref="SimDevice"/>: its machine, and what a data path keeps for it.</summary>
public sealed class SimPeer
{
    readonly VirtualClock _clock;

    internal SimPeer(SimDevice device, PeerOptions options, VirtualClock clock)
    {
        _clock = clock;
        Device = device;
        Options = options;
        Machine = Create();
    }

    /// <summary>Gets the device that has this peer.</summary>
    public SimDevice Device { get; }

    /// <summary>Gets the machine's options.</summary>
    public PeerOptions Options { get; }

    /// <summary>Gets the machine.</summary>
    public PeerMachine Machine { get; private set; }

    /// <summary>Gets what outlives the machine.</summary>
    public PeerContinuity Continuity { get; } = new();

    /// <summary>Gets the packets held.</summary>
    public StagedPackets<byte[]> Staged { get; } = new();

    /// <summary>Gets the session that the data path sends with.</summary>
    public TransportSession? SendSession { get; internal set; }

    /// <summary>Gets the endpoint that the data path sends to.</summary>
    public EndpointAddress PublishedEndpoint { get; internal set; }

    /// <summary>Gets the plaintexts that arrived, padding included.</summary>
    public List<byte[]> Received { get; } = [];

    /// <summary>Gets the number of empty packets that arrived.</summary>
    public int KeepalivesReceived { get; internal set; }

    /// <summary>Gets how often a packet thread had to tell the machine something.</summary>
    public int Signals { get; internal set; }

    /// <summary>Gets the events in order.</summary>
    public List<PeerEvent> Events { get; } = [];

    /// <summary>Gets the datagrams that the machine itself sent, in order.</summary>
    public List<Transmit> Transmits { get; } = [];

    /// <summary>Replaces the machine as a supervisor does after a crash: nothing but the continuity survives.</summary>
    public void CrashMachine()
    {
        Machine = Create();
        Device.Drain(this);
    }

    PeerMachine Create() => new(Options, Continuity, Device.Indexes.For(this), Device.Entropy, _clock.Now);
}
