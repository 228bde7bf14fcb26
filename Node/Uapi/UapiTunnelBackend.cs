using Mesh.Actors.Device;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;
using Mesh.Protocol.Uapi;

namespace Mesh.Node.Uapi;

/// <summary>
/// A tunnel that another WireGuard carries: a program that runs already, with an interface of its own, and is driven over its socket. While this
/// runs, the device is this node's alone: peers that it was not told of are removed. It is the program's device again when this stops.
/// </summary>
/// <remarks>https://www.wireguard.com/xplatform/</remarks>
sealed class UapiTunnelBackend : ITunnelBackend
{
    static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);
    static readonly TimeSpan _statisticsLife = TimeSpan.FromMilliseconds(500);

    readonly IActorRef _node;
    readonly TunnelConfiguration _configuration;
    readonly ITunnelClock _clock;
    readonly UapiClient _client;
    readonly UapiDriver _driver;
    readonly WantedState _wanted = new();
    readonly SemaphoreSlim _one = new(1, 1);
    readonly Lock _reading = new();
    IActorRef? _actor;
    TunnelStatistics? _statistics;
    Instant _readAt;
    bool _stopped;

    /// <summary>Takes a running <see cref="NodeSupervisor"/>, the interface and the clocks.</summary>
    public UapiTunnelBackend(IActorRef node, TunnelConfiguration configuration, ITunnelClock clock)
    {
        (_node, _configuration, _clock) = (node, configuration, clock);
        _client = new UapiClient(configuration.Interface);
        _driver = new UapiDriver(configuration, _client, clock);
    }

    /// <inheritdoc/>
    public string Name => "uapi";

    /// <inheritdoc/>
    public TunnelCapabilities Capabilities => TunnelCapabilities.SystemPacketFilter;

    /// <summary>The key of the state that is wanted; null: none.</summary>
    public TunnelPublicKey? PublicKey { get; private set; }

    /// <inheritdoc/>
    public async Task<TunnelDeviceInfo> StartAsync(TunnelState state, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            if (_actor is not null || _stopped)
                throw new InvalidOperationException("a tunnel backend starts once");
            Want(state);
            _actor = (await _node.Ask<NodeSupervisor.ChildStarted>(
                new NodeSupervisor.StartChild("wireguard", Props.Create<UapiActor>(new UapiSeat(_driver, _wanted))), _patience, cancellationToken)).Child;
            await AskAsync(UapiActor.Open.Instance, cancellationToken);
            var device = _client.Get();
            UapiClient.Forget(device);
            return new TunnelDeviceInfo(_configuration.Interface, device.ListenPort);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public async Task ApplyAsync(TunnelState state, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            if (_actor is null)
                throw new InvalidOperationException("the tunnel backend is not running");
            Want(state);
            await AskAsync(UapiActor.Apply.Instance, cancellationToken);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Counters and times, at most half a second old. While nobody serves the device there are no peers and no port.</summary>
    public TunnelStatistics ReadStatistics()
    {
        lock (_reading)
        {
            if (_statistics is null || _clock.Now - _readAt >= _statisticsLife)
            {
                _statistics = Read();
                _readAt = _clock.Now;
            }

            return _statistics;
        }
    }

    /// <inheritdoc/>
    public async Task StopAsync()
    {
        await _one.WaitAsync();
        try
        {
            _stopped = true;
            if (_actor is not { } actor)
                return;
            _actor = null;
            await actor.Ask<UapiActor.Done>(UapiActor.Close.Instance, _patience);
            await actor.GracefulStop(_patience);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _one.Dispose();
    }

    void Want(TunnelState state)
    {
        PublicKey = state.PrivateKey is { } key ? X25519.ComputePublicKey(key) : null;
        _wanted.State = state;
    }

    async Task AskAsync(object request, CancellationToken cancellationToken)
    {
        var done = await _actor!.Ask<UapiActor.Done>(request, _patience, cancellationToken);
        if (done.Error is { } error)
            throw new IOException(error.Message, error.HResult);
    }

    TunnelStatistics Read()
    {
        try
        {
            var device = _client.Get();
            UapiClient.Forget(device);
            return new TunnelStatistics([.. device.Peers.Select(peer => Read(peer, _clock.WallNow))], [], _driver.Restarts) { ListenPort = device.ListenPort };
        }
        catch (IOException)
        {
            return new TunnelStatistics([], [], _driver.Restarts);
        }
    }

    static TunnelPeerStatistics Read(UapiPeerStatus peer, WallTime now) => new(
        peer.Key, peer.Endpoint, peer.LastHandshake, LastReceived: null, peer.ReceivedBytes, peer.SentBytes, PacketsReceived: 0, PacketsSent: 0)
    {
        // WireGuard has one suite; while a session can live it is that one.
        Suite = peer.LastHandshake is { } at && now - at < TunnelSpecification.RejectAfterTime ? CipherSuite.ChaCha20Poly1305 : null,
    };
}
