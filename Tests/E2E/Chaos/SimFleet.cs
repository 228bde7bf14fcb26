using System.Net;
using System.Net.Sockets;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit.Nodes;

namespace Mesh.Tests.E2E.Chaos;

/// <summary>Are the simulated nodes of a run, and what was seen at them. Safe for concurrent use.</summary>
sealed class SimFleet(Netns machine) : IAsyncDisposable
{
    // From the answer that lets a stream in to the line that attaches it; until then the end of the one before counts.
    static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    // Longer than a node takes to notice that a stream is dead: who loses it within this had no stream when it was said.
    static readonly TimeSpan Noticing = TimeSpan.FromSeconds(6);

    readonly Lock _gate = new();
    readonly Dictionary<NodeId, Member> _members = [];
    readonly List<Blow> _blows = [];
    readonly List<(NodeId Peer, WallTime Issued, string By, string HeardBy)> _saidOffline = [];
    readonly List<(string Controller, WallTime From, WallTime? To)> _dead = [];
    readonly List<string> _wrong = [];
    readonly Dictionary<string, int> _otherLosses = new(StringComparer.Ordinal);
    int _number;

    /// <summary>Gets what no node may ever see: revisions that go back, maps that are not believed.</summary>
    public IReadOnlyList<string> Wrong
    {
        get
        {
            lock (_gate)
                return [.. _wrong];
        }
    }

    /// <summary>Gets why streams were lost that no fault had hit, and how often.</summary>
    public IReadOnlyDictionary<string, int> OtherLosses
    {
        get
        {
            lock (_gate)
                return new Dictionary<string, int>(_otherLosses);
        }
    }

    /// <summary>Gets the nodes that belong to the network.</summary>
    public IReadOnlyList<Member> Members
    {
        get
        {
            lock (_gate)
                return [.. _members.Values];
        }
    }

    /// <summary>Gets every blow.</summary>
    public IReadOnlyList<Blow> Blows
    {
        get
        {
            lock (_gate)
                return [.. _blows];
        }
    }

    /// <summary>Makes a machine that has not joined; it has an address of its own, as machines have: what is limited per address must not be met by all together.</summary>
    public SimNode CreateNode(string hostname)
    {
        var number = Interlocked.Increment(ref _number);
        return new SimNode(hostname, new SimNodeOptions
        {
            // As the node does it.
            KeepAliveDelay = TimeSpan.FromSeconds(1.9),
            KeepAliveTimeout = TimeSpan.FromSeconds(1.9),
            AttachTimeout = TimeSpan.FromSeconds(2),
            Watch = OnEvent,
            Dial = (address, cancel) => DialAsync(address, number, cancel),
        });
    }

    /// <summary>Takes a node in that has enrolled, and starts it.</summary>
    public Member Add(SimNode node, string? owner, string? tag, bool isTransient)
    {
        var member = new Member(node, owner, tag, isTransient);
        lock (_gate)
            _members[node.Id] = member;
        node.Start();
        return member;
    }

    /// <summary>Forgets a node that leaves, or stops looking at it while it joins again; false where somebody else has done so.</summary>
    public bool TryForget(Member member)
    {
        lock (_gate)
        {
            if (!_members.Remove(member.Node.Id))
                return false;
            _blows.ForEach(blow => blow.Forget(member.Node.Id));
            return true;
        }
    }

    /// <summary>Notes that a fault hits the streams of some nodes.</summary>
    public Blow Strike(string kind, bool fromTheBlow, Func<Member, bool> whom)
    {
        var blow = new Blow(kind, fromTheBlow);
        lock (_gate)
        {
            foreach (var member in _members.Values.Where(member => member.Node.IsAttached && whom(member)))
                blow.Strike(member.Node.Id);
            _blows.Add(blow);
        }
        return blow;
    }

    /// <summary>Notes that those of a blow who have a stream never lost it.</summary>
    public void Settle(Blow blow)
    {
        lock (_gate)
            blow.Settle(id => _members.TryGetValue(id, out var member) && member.Node.IsAttached);
    }

    /// <summary>Notes from when until when a controller cannot be heard.</summary>
    public void Dead(string controller, WallTime from, WallTime? to)
    {
        lock (_gate)
        {
            _dead.RemoveAll(one => one.Controller == controller && one.From == from);
            _dead.Add((controller, from, to));
        }
    }

    /// <summary>
    /// Lists who was said to be offline, to a peer, while it had a stream that it kept: open for a moment already, and not to a controller that
    /// could not be heard and which the node then left.
    /// </summary>
    public IReadOnlyList<string> FalseOffline()
    {
        lock (_gate)
        {
            return
            [
                .. _saidOffline.Where(said => _members.TryGetValue(said.Peer, out var member) && member.Streams.Any(stream => WasKept(stream, said.Issued)))
                    .Select(said => $"{said.Issued}: {said.Peer} by {said.By} to {said.HeardBy}; its streams: "
                        + string.Join(", ", _members[said.Peer].Streams.Where(stream => stream.To is not { } to || to + TimeSpan.FromMinutes(1) > said.Issued)
                            .Select(stream => $"{stream.Controller} from {stream.From} to {stream.To}"))),
            ];
        }
    }

    /// <summary>Gets how often a node that belongs to the network was said to be offline, rightly or not.</summary>
    public int SaidOffline
    {
        get
        {
            lock (_gate)
                return _saidOffline.Count(said => _members.ContainsKey(said.Peer));
        }
    }

    /// <summary>Lists who had one stream from well before a moment until now.</summary>
    public IReadOnlyList<NodeId> KeptSince(WallTime moment, TimeSpan before)
    {
        lock (_gate)
            return [.. _members.Values.Where(member => member.Streams.LastOrDefault() is { To: null } open && open.From + before < moment).Select(member => member.Node.Id)];
    }

    /// <summary>Waits until every node has a stream.</summary>
    public Task AllAttachedAsync(double seconds) => Eventually.TrueAsync(
        "every simulated node is attached", TimeSpan.FromSeconds(seconds), () => Members.All(member => member.Node.IsAttached));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() =>
        await Parallel.ForEachAsync(Members, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (member, _) => await member.Node.DisposeAsync());

    bool WasKept(StreamLife stream, WallTime at) =>
        stream.From + Settling < at && (stream.To is not { } to || to > at + Noticing || to > at && !_dead.Any(dead =>
            dead.Controller == stream.Controller && dead.From <= at && (dead.To is not { } end || end + Noticing > at)));

    void OnEvent(SimNodeEvent happened)
    {
        lock (_gate)
        {
            var id = happened.Node.Id;
            if (!_members.TryGetValue(id, out var member))
                return;
            switch (happened.Kind)
            {
                case SimNodeEventKind.Attached:
                    member.Streams.Add(new StreamLife(happened.Controller!, happened.At));
                    member.Tries.Add($"{happened.At} in at {happened.Controller}");
                    _blows.ForEach(blow => blow.Attached(id, happened.Ticks, $"{member.Node.Hostname}: {string.Join("; ", member.Tries)}"));
                    break;
                case SimNodeEventKind.AttachFailed:
                    member.Tries.Add($"{happened.At} not in at {happened.Controller}: {happened.Detail}");
                    break;
                case SimNodeEventKind.Lost:
                    member.Tries.Clear();
                    member.Tries.Add($"{happened.At} lost {happened.Controller}: {happened.Detail}");
                    if (member.Streams.LastOrDefault() is { To: null } stream)
                        stream.To = happened.At;
                    var wasHit = false;
                    _blows.ForEach(blow => wasHit |= blow.Lost(id, happened.Ticks));
                    if (!wasHit)
                        _otherLosses[happened.Detail ?? "?"] = _otherLosses.GetValueOrDefault(happened.Detail ?? "?") + 1;
                    break;
                case SimNodeEventKind.MapTaken:
                    if (happened.Revision < member.Revision)
                        _wrong.Add($"{happened.At}: {member.Node.Hostname} was taken from revision {member.Revision} to {happened.Revision} by {happened.Controller}");
                    member.Revision = happened.Revision;
                    break;
                case SimNodeEventKind.MapRefused:
                    _wrong.Add($"{happened.At}: {member.Node.Hostname} refused a map of {happened.Controller}: {happened.Detail}, at revision {happened.Revision}");
                    break;
                case SimNodeEventKind.PeerPresence when !happened.Online:
                    _saidOffline.Add((happened.Peer, happened.Issued, happened.Controller!, member.Node.Hostname));
                    break;
            }
        }
    }

    async ValueTask<Stream> DialAsync(string address, int number, CancellationToken cancel)
    {
        var socket = NetnsSocket.Create(machine, AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.NoDelay = true;
            socket.Bind(new IPEndPoint(new IPAddress([10, 97, (byte)(number >> 7), (byte)(2 * number | 1)]), 0));
            await socket.ConnectAsync(IPEndPoint.Parse(address), cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Is one node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="owner">The user that it belongs to; null: tags own it.</param>
    /// <param name="tag">The tag that it joined with; null: a user owns it.</param>
    /// <param name="isTransient">Whether it may be taken out again.</param>
    public sealed class Member(SimNode node, string? owner, string? tag, bool isTransient)
    {
        int _changes;

        /// <summary>Gets the node.</summary>
        public SimNode Node => node;

        /// <summary>Gets the user that it belongs to.</summary>
        public string? Owner => owner;

        /// <summary>Gets the tag that it joined with.</summary>
        public string? Tag => tag;

        /// <summary>Gets whether it may be taken out again.</summary>
        public bool IsTransient => isTransient;

        /// <summary>Gets its streams.</summary>
        public List<StreamLife> Streams { get; } = [];

        /// <summary>Gets what it did since it lost its last stream.</summary>
        public List<string> Tries { get; } = [];

        /// <summary>Gets or sets the newest revision that it took in.</summary>
        public long Revision { get; set; }

        /// <summary>Gives a number that this node was given never before, from 1.</summary>
        public int NextChange() => Interlocked.Increment(ref _changes);
    }
}
