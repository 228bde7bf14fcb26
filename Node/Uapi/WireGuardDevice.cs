using System.Collections.Immutable;
using Mesh.Actors.Device;
using Mesh.Node.Device;
using Mesh.Node.Device.Native;
using Mesh.Node.Os;
using Mesh.Node.Runtime;
using Mesh.Node.Service;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Tunnel;
using Mesh.Protocol.Uapi;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Uapi;

/// <summary>
/// A plain WireGuard device: what set requests say goes to the tunnel, everything may pass between peers, and the interface belongs to
/// whoever set it up. While the interface is down after having been up, there are no sessions and nothing is answered. Safe for concurrent use.
/// </summary>
sealed class WireGuardDevice : IUapiDevice, IAsyncDisposable
{
    /// <summary>MTU of a new interface: fits a path of 1500 bytes over IPv6.</summary>
    public const int InitialMtu = 1420;

    // Sessions take a changed key over within moments; until then the old one must be readable.
    static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    readonly SemaphoreSlim _one = new(1, 1);
    readonly NodeRuntime _runtime;
    readonly ILogger _log;
    readonly Dictionary<TunnelPublicKey, (UapiPeer From, TunnelPeer To)> _translated = [];
    volatile UapiConfiguration _configuration = UapiConfiguration.Empty;
    LinkWatcher? _link;
    bool _isUp = true;
    int _appliedPort;

    WireGuardDevice(NodeRuntime runtime, ILogger log) => (_runtime, _log) = (runtime, log);

    /// <summary>The interface's name.</summary>
    public string Interface => _runtime.Device.Interface;

    /// <summary>Completes, with the cause, when the interface is gone or cannot be read any more.</summary>
    public Task<Exception> Lost => _runtime.Lost;

    /// <summary>Makes the interface, without key and peers.</summary>
    /// <exception cref="IOException">The system would not have it; the message says what to do.</exception>
    public static async Task<WireGuardDevice> StartAsync(WireGuardOptions options, ILogger log)
    {
        var runtime = await ActorLog.StartAsync(new NodeOptions
        {
            Tunnel = new TunnelConfiguration
            {
                Interface = options.Interface, Mtu = InitialMtu, ManageInterface = false, Queues = options.Queues, Disabled = options.Disabled,
            },
            State = new TunnelState { AnyDestination = true },
        }, log);
        WireGuardDevice device = new(runtime, log);
        try
        {
            using (Netlink netlink = new())
                netlink.SetMtu(Netlink.IndexOf(runtime.Device.Interface), InitialMtu);
            device._link = new LinkWatcher(runtime.TunDescriptor, device.HandleLink);
            return device;
        }
        catch
        {
            await device.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Applies a set request; done when it is in force. What stands before a line that fails stays in force, as in wireguard-go; a port that
    /// cannot be had leaves the old one open.
    /// </summary>
    /// <returns>The errno to answer.</returns>
    public async Task<int> SetAsync(UapiSetRequest request)
    {
        await _one.WaitAsync();
        try
        {
            var errno = await ApplyAsync(request.Operations);
            return errno != UapiErrno.None ? errno : request.Errno;
        }
        finally
        {
            request.DisposeUnused(_configuration);
            _one.Release();
        }
    }

    /// <inheritdoc/>
    /// <remarks>The keys in it are the device's own: they can be read for <see cref="Grace"/> after they were replaced.</remarks>
    public UapiDevice Get()
    {
        var configuration = _configuration;
        var statistics = _runtime.Tunnel.ReadStatistics();
        var counted = statistics.Peers.ToDictionary(peer => peer.Key);
        return new UapiDevice(
            configuration.PrivateKey, statistics.ListenPort != 0 ? statistics.ListenPort : configuration.ListenPort, configuration.FirewallMark,
            [.. configuration.Peers.Select(peer => Describe(peer, counted.GetValueOrDefault(peer.Key)))]);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _link?.Dispose();
        await _runtime.DisposeAsync();
        foreach (var secret in _configuration.Secrets)
            secret.Dispose();
        _one.Dispose();
    }

    static UapiPeerStatus Describe(UapiPeer peer, TunnelPeerStatistics? counted) => new()
    {
        Key = peer.Key,
        PresharedKey = peer.PresharedKey,
        PersistentKeepalive = peer.PersistentKeepalive,
        AllowedIps = peer.AllowedIps,
        Endpoint = counted is { Endpoint: { IsNone: false } endpoint } ? endpoint : peer.Endpoint,
        LastHandshake = counted?.LastHandshake,
        SentBytes = counted?.BytesSent ?? 0,
        ReceivedBytes = counted?.BytesReceived ?? 0,
    };

    async Task<int> ApplyAsync(ImmutableArray<UapiOperation> operations)
    {
        // The port is the one thing that the system may refuse: what comes behind it waits for its word.
        var rest = operations.AsMemory();
        for (var i = 0; i < rest.Length; i++)
        {
            if (rest.Span[i] is not UapiOperation.SetListenPort)
                continue;
            var errno = await ApplyAsync(_configuration.Apply(rest[..(i + 1)].ToArray()));
            if (errno != UapiErrno.None)
                return errno;
            (rest, i) = (rest[(i + 1)..], -1);
        }

        return rest.IsEmpty ? UapiErrno.None : await ApplyAsync(_configuration.Apply(rest.ToArray()));
    }

    async Task<int> ApplyAsync(UapiConfiguration wanted)
    {
        var before = _configuration;
        var errno = UapiErrno.None;
        try
        {
            await _runtime.ApplyAsync(Translate(wanted));
            _appliedPort = _isUp ? wanted.ListenPort : _appliedPort;
        }
        catch (IOException refused)
        {
            _log.SetRefused(refused.Message);
            errno = refused.HResult is > 0 and < 4096 ? -refused.HResult : UapiErrno.Io;
            // The port that was open still is.
            wanted = wanted with { ListenPort = before.ListenPort };
            await TryApplyAsync(wanted);
        }

        _configuration = wanted;
        Retire([.. before.Secrets.Except(wanted.Secrets)]);
        return errno;
    }

    async Task TryApplyAsync(UapiConfiguration wanted)
    {
        try
        {
            await _runtime.ApplyAsync(Translate(wanted));
        }
        catch (IOException refused)
        {
            _log.SetRefused(refused.Message);
        }
    }

    TunnelState Translate(UapiConfiguration configuration)
    {
        foreach (var gone in _translated.Keys.Except(configuration.Peers.Select(p => p.Key)).ToArray())
            _translated.Remove(gone);
        return new TunnelState
        {
            PrivateKey = _isUp ? configuration.PrivateKey : null,
            ListenPort = _isUp ? configuration.ListenPort : _appliedPort,
            FirewallMark = configuration.FirewallMark,
            AnyDestination = true,
            Peers = [.. configuration.Peers.Select(Translate)],
        };
    }

    // A peer that did not change is the same object for the tunnel, which then leaves it alone.
    TunnelPeer Translate(UapiPeer peer)
    {
        if (_translated.TryGetValue(peer.Key, out var known) && ReferenceEquals(known.From, peer))
            return known.To;
        TunnelPeer translated = new()
        {
            Key = peer.Key,
            PresharedKey = peer.PresharedKey,
            AllowedIps = peer.AllowedIps,
            Endpoints = peer.Endpoint.IsNone ? [] : [peer.Endpoint],
            EndpointCommand = peer.EndpointCommands,
            PersistentKeepalive = TimeSpan.FromSeconds(peer.PersistentKeepalive),
            Rules = PeerRules.All,
        };
        _translated[peer.Key] = (peer, translated);
        return translated;
    }

    void HandleLink(LinkState state)
    {
        _runtime.SetMtu(state.Mtu);
        // The interface is made down and is nevertheless alive until somebody sets it down: sets come before it is set up.
        if (_link is not null)
            _ = FollowAsync(state.IsUp);
    }

    async Task FollowAsync(bool isUp)
    {
        await _one.WaitAsync();
        try
        {
            if (_isUp == isUp)
                return;
            _isUp = isUp;
            _log.LinkChanged(Interface, isUp ? "up" : "down");
            await TryApplyAsync(_configuration);
            _appliedPort = isUp ? _configuration.ListenPort : _appliedPort;
        }
        catch (ObjectDisposedException ending)
        {
            _log.SetRefused(ending.Message);
        }
        finally
        {
            _one.Release();
        }
    }

    static void Retire(SecretKey[] secrets)
    {
        if (secrets.Length > 0)
            _ = Task.Delay(Grace).ContinueWith(_ => Array.ForEach(secrets, secret => secret.Dispose()), TaskScheduler.Default);
    }
}
