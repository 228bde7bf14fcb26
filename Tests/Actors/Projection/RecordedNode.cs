using Mesh.Actors.Ports;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Mesh.Tests.Actors.Registry;

namespace Mesh.Tests.Actors.Projection;

/// <summary>Is a node that takes in what it can verify and keeps, for every revision that it was told of, the bytes of its body then.</summary>
public sealed class RecordedNode : IControlStream
{
    readonly ControllerHarness _harness;
    readonly Lock _gate = new();
    readonly List<(long Revision, byte[]? Body)> _told = [];
    MapTrust _trust;

    public RecordedNode(ControllerHarness harness, NodeId id, string name, MapFrame first)
    {
        (_harness, Id, Name) = (harness, id, name);
        _trust = new MapTrust { Network = harness.Network, Node = id, Root = Ed25519.ComputePublicKey(harness.Root) };
        Take(first);
    }

    public NodeId Id { get; }

    public string Name { get; }

    /// <summary>Gets the first frame that it refused, and why.</summary>
    public TrustRefusal Refused { get; private set; }

    public byte[]? Newest
    {
        get
        {
            lock (_gate)
                return _told[^1].Body;
        }
    }

    /// <summary>Gets how many maps it took in.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _told.Count;
        }
    }

    public void Attach(params string[] suites) =>
        _harness.Controller.OpenStream(Id, this).Post(new UpFrame(Attach: new AttachFrame("1", "linux", Name, 0, 0, null, suites)));

    /// <summary>What it acted on at a revision; false where it had been told nothing yet.</summary>
    public bool TryGet(long revision, out byte[]? body)
    {
        body = null;
        lock (_gate)
        {
            var index = _told.FindLastIndex(one => one.Revision <= revision);
            if (index >= 0)
                body = _told[index].Body;
            return index >= 0;
        }
    }

    bool IControlStream.TrySend(DownFrame frame)
    {
        if (frame.Map is { } map)
            Take(map);
        return true;
    }

    void IControlStream.Close(string reason) { }

    void Take(MapFrame frame)
    {
        lock (_gate)
        {
            var refusal = _trust.TryAccept(frame, _harness.Clock.Now, out var next);
            if (refusal != TrustRefusal.None)
            {
                Refused = refusal;
                return;
            }
            _trust = next;
            _told.Add((next.Revision, next.Removed is null ? ProtocolJson.Encode(next.Body!, ProtocolJson.Default.MapBody) : null));
        }
    }
}
