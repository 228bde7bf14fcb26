using System.Net;
using Mesh.Actors.Control;
using Mesh.Node.Control;
using Mesh.Node.Names;
using Mesh.Node.State;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Service;

/// <summary>
/// Is a node that takes part: tunnel, control link, and the names of its peers in the hosts file. Disposing it takes all of that
/// away and keeps the membership. Safe for concurrent use.
/// </summary>
sealed class Member : INetworkSink, INetworkMemory, IAsyncDisposable
{
    static readonly TimeSpan _askTimeout = TimeSpan.FromSeconds(5);

    readonly StateDirectory _state;
    readonly ITunnel _tunnel;
    readonly HostsFile? _hosts;
    readonly ILogger _log;
    readonly OwnEndpoints _endpoints;
    readonly HttpControlTransport _transport;
    readonly NodeIdentity _identity;
    readonly NodeKeys _keys;
    readonly CancellationTokenSource _stopping = new();
    IActorRef _control = ActorRefs.Nobody;
    IActorRef _rotation = ActorRefs.Nobody;
    readonly TaskCompletionSource _firstApply = new(TaskCreationOptions.RunContinuationsAsynchronously);
    volatile NetworkRecord _record;
    volatile MapTrust _trust;
    volatile IReadOnlyDictionary<NodeId, IReadOnlyList<string>> _reached;
    volatile string? _hostsProblem;
    MapBody? _shown;

    Member(
        NetworkRecord record, MapTrust trust, NodeIdentity identity, StateDirectory state, ITunnel tunnel, HostsFile? hosts, TimeProvider time, ILogger log)
    {
        _record = record;
        _trust = trust;
        _identity = identity;
        _state = state;
        _tunnel = tunnel;
        _hosts = hosts;
        _log = log;
        _reached = ReadEndpoints(state, log);
        _transport = new HttpControlTransport(
            identity.Tls, record.Certificates, record.Root, () => identity.CreateCertificateRequest(record.Network, record.Node, WallTime.From(time.GetUtcNow())),
            KeepCertificates, time);
        _endpoints = new OwnEndpoints(tunnel.Interface, tunnel.Port);
        _keys = new NodeKeys(
            identity, state, tunnel, record.KeySince ?? WallTime.From(time.GetUtcNow()), since => KeepRecord(_record with { KeySince = since }), log);
    }

    /// <summary>Begins to take part.</summary>
    /// <param name="record">The membership.</param>
    /// <param name="trust">The last good map.</param>
    /// <param name="identity">The keys; owned from here on.</param>
    /// <param name="state">Keeps what changes.</param>
    /// <param name="tunnel">The tunnel; owned from here on.</param>
    /// <param name="hosts">Names peers; null: nowhere.</param>
    /// <param name="rotation">How old a tunnel key becomes; null: any age.</param>
    /// <param name="time">The wall clock.</param>
    /// <param name="log">Says what happens.</param>
    public static async Task<Member> StartAsync(
        NetworkRecord record, MapTrust trust, NodeIdentity identity, StateDirectory state, ITunnel tunnel, HostsFile? hosts, TimeSpan? rotation,
        TimeProvider time, ILogger log)
    {
        var member = new Member(record, trust, identity, state, tunnel, hosts, time, log);
        if (record.KeySince is null)
            member.BeginKeyAge();
        await member._keys.ResumeAsync();
        var machine = MachineNames.Describe(hostname: null);
        var setup = new ControlLinkSetup
        {
            Transport = member._transport,
            Sink = member,
            Memory = member,
            Endpoints = member._endpoints,
            Identity = identity.Signing,
            Controllers = record.Controllers,
            Version = machine.Version,
            Os = machine.Os,
            Hostname = machine.Hostname,
            Suites = [.. tunnel.Suites.Select(suite => suite.Name())],
            TunnelKey = () => member._keys is { Next: null } settled ? settled.Current : null,
            Time = time,
        };
        member._control = await tunnel.StartActorAsync("control", Props.Create(() => new ControlLink(setup)));
        var keys = new KeyRotationSetup
        {
            Keys = member._keys, Transport = member._transport, Control = member._control, Interval = rotation, Time = time, Stopping = member._stopping.Token,
        };
        member._rotation = await tunnel.StartActorAsync("rotation", Props.Create(() => new KeyRotation(keys)));
        return member;
    }

    /// <summary>Gets the membership as it is kept.</summary>
    public NetworkRecord Record => _record;

    /// <summary>Gets the node's static key.</summary>
    public TunnelPublicKey PublicKey => _keys.Current;

    /// <summary>Gets the tunnel.</summary>
    public ITunnel Tunnel => _tunnel;

    /// <summary>Gets what is wrong with the hosts file; null: nothing.</summary>
    public string? HostsProblem => _hostsProblem;

    /// <summary>Completes when the first map is in force, or could not be put in force.</summary>
    public Task FirstApply => _firstApply.Task;

    /// <summary>Asks the control link how things stand.</summary>
    public Task<ControlStatus> StatusAsync(CancellationToken cancel) =>
        _control.Ask<ControlStatus>(ControlProtocol.GetStatus.Instance, _askTimeout, cancel);

    /// <summary>Changes the tunnel key.</summary>
    /// <exception cref="AskTimeoutException">Nothing was heard of it in time.</exception>
    public Task<RotationOutcome> RotateKeyAsync(TimeSpan atMost, CancellationToken cancel) =>
        _rotation.Ask<RotationOutcome>(KeyRotation.Rotate.Instance, atMost, cancel);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _rotation.GracefulStop(TimeSpan.FromSeconds(3));
        await _control.GracefulStop(TimeSpan.FromSeconds(3));
        _endpoints.Dispose();
        ShowNames(null);
        await _tunnel.DisposeAsync();
        _transport.Dispose();
        _keys.Dispose();
        _identity.Dispose();
        _stopping.Dispose();
    }

    MapTrust INetworkMemory.Trust => _trust;

    IReadOnlyDictionary<NodeId, IReadOnlyList<string>> INetworkMemory.Endpoints => _reached;

    async Task INetworkSink.ApplyAsync(MapBody? body, IReadOnlyDictionary<NodeId, IReadOnlyList<IPEndPoint>> endpoints)
    {
        try
        {
            await _tunnel.ApplyAsync(body, endpoints);
        }
        catch (IOException failure)
        {
            _firstApply.TrySetException(failure);
            _ = _firstApply.Task.Exception;
            throw;
        }
        var changed = !ReferenceEquals(body, _shown);
        _shown = body;
        if (changed)
            ShowNames(body);
        // Whoever waits for the node to be up finds the names there too.
        _firstApply.TrySetResult();
        if (!changed)
            return;
        if (body is null)
            _log.PeersClosed();
        else
            _log.MapInForce(body.Peers.Count);
    }

    void INetworkMemory.Save(MapTrust trust)
    {
        _trust = trust;
        Keep(() => _state.Map.Write(trust));
    }

    void INetworkMemory.Save(IReadOnlyDictionary<NodeId, IReadOnlyList<string>> endpoints)
    {
        _reached = endpoints;
        Keep(() => _state.Endpoints.Write(new EndpointRecord(endpoints)));
    }

    void KeepCertificates(IReadOnlyList<byte[]> certificates) => KeepRecord(_record with { Certificates = certificates });

    void KeepRecord(NetworkRecord record)
    {
        lock (_state.Network)
        {
            _state.Network.Write(record);
            _record = record;
        }
    }

    // From now on where it is not known; a disk that does not take that is no reason not to start.
    void BeginKeyAge()
    {
        try
        {
            KeepRecord(_record with { KeySince = _keys.Since });
        }
        catch (MeshFailureException failure)
        {
            _log.KeysNotApplied(failure.Message);
        }
    }

    static void Keep(Action write)
    {
        try
        {
            write();
        }
        catch (MeshFailureException failure)
        {
            throw new IOException(failure.Message, failure);
        }
    }

    void ShowNames(MapBody? body)
    {
        if (_hosts is null)
            return;
        try
        {
            _hosts.Set(body is null ? [] : Names(body));
            _hostsProblem = null;
        }
        catch (IOException failure)
        {
            _hostsProblem = failure.Message;
            _log.HostsFileFailed(failure.Message);
        }
    }

    static List<HostsEntry> Names(MapBody body)
    {
        var entries = new List<HostsEntry>();
        foreach (var (name, addresses) in body.Peers.Select(peer => (peer.Name, peer.Addresses)).Prepend((body.Self.Name, body.Self.Addresses)))
        {
            foreach (var text in addresses)
            {
                if (IPAddress.TryParse(text, out var address))
                    entries.Add(new HostsEntry(address, name, body.Zone));
            }
        }
        return entries;
    }

    static IReadOnlyDictionary<NodeId, IReadOnlyList<string>> ReadEndpoints(StateDirectory state, ILogger log)
    {
        try
        {
            return state.Endpoints.Read("it is made anew")?.Peers ?? new Dictionary<NodeId, IReadOnlyList<string>>();
        }
        catch (MeshFailureException damaged)
        {
            // Only a memory of where peers were: peers and controllers say it again.
            log.EndpointsForgotten(damaged.Message);
            return new Dictionary<NodeId, IReadOnlyList<string>>();
        }
    }
}
