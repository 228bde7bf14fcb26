using System.Threading.Channels;
using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Actors.Sessions;
using Mesh.Protocol;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Control;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Trust;
using Mesh.Tests.Actors.Registry;

namespace Mesh.Tests.Actors.Sessions;

/// <summary>Is a node that believes what it can verify, over a stream that the test can see.</summary>
public sealed class TestNode : IControlStream
{
    readonly ControllerHarness _harness;
    readonly Machine _machine;
    readonly Channel<DownFrame> _frames = Channel.CreateUnbounded<DownFrame>();
    readonly TaskCompletionSource<string> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    volatile bool _reads = true;
    int _notTaken;

    public TestNode(ControllerHarness harness, Machine machine, Enrolled enrolled)
    {
        (_harness, _machine, Id) = (harness, machine, enrolled.Node.Id);
        Trust = new MapTrust { Network = harness.Network, Node = Id, Root = Ed25519.ComputePublicKey(harness.Root) };
        Accept(enrolled.Map);
    }

    TestNode(TestNode before)
    {
        (_harness, _machine, Id, Trust) = (before._harness, before._machine, before.Id, before.Trust);
    }

    public NodeId Id { get; }

    public MapTrust Trust { get; private set; }

    public ControlStreamHandle Handle { get; private set; } = null!;

    public bool Acknowledges { get; init; } = true;

    /// <summary>Gets or sets whether its stream has room.</summary>
    public bool Reads
    {
        get => _reads;
        set
        {
            _reads = value;
            if (value)
                Handle.Drained();
        }
    }

    /// <summary>Gets or sets what happens first when its stream is to take a frame, on the thread of whoever sends.</summary>
    public Action? OnSend { get; set; }

    /// <summary>Gets how many frames its stream had no room for.</summary>
    public int NotTaken => _notTaken;

    /// <summary>Gets or sets what it announces when it attaches.</summary>
    public IReadOnlyList<string>? Suites { get; set; }

    /// <summary>Gets or sets the WireGuard key that it announces when it attaches; null: none.</summary>
    public TunnelPublicKey? TunnelKey { get; set; }

    /// <summary>Gets the controller that it attaches to; null: the harness's first.</summary>
    public ControllerSystem? At { get; init; }

    /// <summary>Gets what was taken from the stream so far.</summary>
    public List<DownFrame> Seen { get; } = [];

    public Task<string> Closed => _closed.Task.WaitAsync(TimeSpan.FromSeconds(5));

    public IReadOnlyList<string> Peers => [.. Trust.Body!.Peers.Select(peer => peer.Name).Order(StringComparer.Ordinal)];

    /// <summary>Is the same node with a new stream.</summary>
    public TestNode Again(bool acknowledges = true, ControllerSystem? at = null) => new(this) { Acknowledges = acknowledges, At = at };

    /// <summary>Opens a stream and takes the first map in.</summary>
    public async Task<MapLeaf> AttachAsync(bool withBody = true)
    {
        Open();
        Attach(withBody);
        return await NextMapAsync();
    }

    /// <summary>Opens a stream to a controller whose maps may be older than what this node has.</summary>
    public void AttachTo()
    {
        Trust = Trust with { Audit = Trust.Audit?.Attach() };
        Open();
        Attach();
    }

    /// <summary>Makes it hold a head, as one that it saw when it was attached last, or as one that it makes up.</summary>
    public void HoldAgain(AuditHead head) => Trust = Trust with { Audit = new AuditWitness { Held = head } };

    public void Open(ControllerId? issuer = null, StreamOrigin? origin = null) =>
        Handle = (At ?? _harness.Controller).OpenStream(Id, this, issuer, origin);

    public void Attach(bool withBody = true, long ahead = 0) => Handle.Post(new UpFrame(Attach: new AttachFrame(
        "1.1", "linux", _machine.Hostname, withBody ? Trust.Epoch : 0, withBody ? Trust.Revision + ahead : 0,
        withBody && Trust.Body is { } body ? MapChange.Hash(body) : null, Suites, Trust.Audit?.Held, TunnelKey)));

    /// <summary>Waits for the answer to the head that was shown, and judges it as a node does.</summary>
    public async Task<AuditWitness> NextAnswerAsync()
    {
        var frame = await NextAsync(frame => frame.Audit is not null);
        Assert.Equal(TrustRefusal.None, Trust.TryHear(frame.Audit!, _harness.Clock.Now, out var next));
        Trust = next;
        return Trust.Audit!;
    }

    /// <summary>Waits for the next map, takes it in as a node does, and acknowledges.</summary>
    public async Task<MapLeaf> NextMapAsync()
    {
        var frame = await NextAsync(frame => frame.Map is not null);
        var leaf = Accept(frame.Map!);
        if (Acknowledges && leaf.Removal is null)
            Acknowledge();
        return leaf;
    }

    public void Acknowledge() =>
        Handle.Post(new UpFrame(Ack: new AckFrame(Trust.Epoch, Trust.Revision, MapChange.Hash(Trust.Body!))));

    public async Task<DownFrame> NextAsync(Func<DownFrame, bool> wanted)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        while (true)
        {
            var frame = await _frames.Reader.ReadAsync(patience.Token);
            Seen.Add(frame);
            if (wanted(frame))
                return frame;
        }
    }

    public async Task<PresenceHint> NextPresenceAsync(NodeId of)
    {
        while (true)
        {
            var envelope = (await NextAsync(frame => frame.Hint?.PayloadType == PayloadTypes.PresenceHint)).Hint!;
            Assert.Equal(TrustRefusal.None, Trust.TryReadDelegation(
                _harness.Signer.Delegation, _harness.Clock.Now, DelegationRights.SignMaps, out var delegation));
            Assert.True(envelope.Verify(PayloadTypes.PresenceHint, delegation.SigningKey));
            Assert.True(ProtocolJson.TryDecode(envelope.Payload, ProtocolJson.Default.PresenceHint, out var hint));
            if (hint.Node == of)
                return hint;
        }
    }

    public DsseEnvelope Hint(params string[] endpoints) => DsseEnvelope.Sign(
        PayloadTypes.EndpointHint,
        ProtocolJson.Encode(
            new EndpointHint(_harness.Network, Id, endpoints, _harness.Clock.Now, _harness.Clock.Now + TimeSpan.FromMinutes(10)),
            ProtocolJson.Default.EndpointHint),
        _machine.SigningKey, "");

    bool IControlStream.TrySend(DownFrame frame)
    {
        OnSend?.Invoke();
        if (!_reads)
        {
            Interlocked.Increment(ref _notTaken);
            return false;
        }
        foreach (var hint in frame.Hints ?? [])
            _frames.Writer.TryWrite(new DownFrame(Hint: hint));
        return frame.Hints is not null || _frames.Writer.TryWrite(frame);
    }

    void IControlStream.Close(string reason) => _closed.TrySetResult(reason);

    MapLeaf Accept(MapFrame frame)
    {
        Assert.Equal(TrustRefusal.None, Trust.TryAccept(frame, _harness.Clock.Now, out var next));
        Trust = next;
        Assert.True(ProtocolJson.TryDecode(frame.Leaf, ProtocolJson.Default.MapLeaf, out var leaf));
        return leaf;
    }
}
