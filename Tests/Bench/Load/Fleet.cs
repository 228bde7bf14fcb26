using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Tests.Kit.Nodes;

namespace Mesh.Bench.Load;

/// <summary>Are the simulated nodes of a run, and what was seen at them. Safe for concurrent use.</summary>
sealed class Fleet(ControllerProcess controller, NetworkShape shape, int verifyOneIn) : IAsyncDisposable
{
    // From the answer that lets a stream in to the line that attaches it; until then the end of the one before counts.
    static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    readonly List<Member> _members = [];
    readonly Dictionary<NodeId, Member> _byId = [];
    readonly Lock _gate = new();
    volatile Watch? _watch;
    int _falseOffline;

    /// <summary>Gets the nodes in the order in which they were made.</summary>
    public IReadOnlyList<Member> Members
    {
        get
        {
            lock (_gate)
                return [.. _members];
        }
    }

    /// <summary>Gets how many have a stream.</summary>
    public int Attached => Members.Count(member => member.Node.IsAttached);

    /// <summary>Gets how often a node was told that a peer is offline which had had its stream for a while.</summary>
    public int FalseOffline => Volatile.Read(ref _falseOffline);

    /// <summary>Joins one more node: credential, enrollment, stream.</summary>
    public async Task<Member> JoinAsync(int number, CancellationToken cancel)
    {
        var owner = shape.OwnerOf(number);
        var created = await controller.PostAsync(
            "/v1/credentials",
            owner is not null
                ? new JsonObject { ["user"] = owner, ["tags"] = new JsonArray() }
                : new JsonObject { ["tags"] = new JsonArray(NetworkShape.TagOf(shape.TeamOf(number))) },
            cancel);
        if (!CredentialString.TryParse((string?)created["key"], out var credential))
            throw new BenchFailureException(ExitCodes.Failed, $"the controller's credential cannot be read: {created.ToJsonString()}");
        var options = new SimNodeOptions
        {
            VerifiesMaps = number % verifyOneIn == 0,
            // As the node does it.
            KeepAliveDelay = TimeSpan.FromSeconds(15),
            KeepAliveTimeout = TimeSpan.FromSeconds(10),
            AttachTimeout = TimeSpan.FromSeconds(10),
            Watch = OnEvent,
            Dial = (address, stop) => DialAsync(address, number, stop),
        };
        var member = new Member(number, new SimNode($"node-{number}", options));
        member.EnrolledTicks = -Stopwatch.GetTimestamp();
        await member.Node.EnrollAsync(credential, cancel);
        member.EnrolledTicks += Stopwatch.GetTimestamp();
        lock (_gate)
        {
            _members.Add(member);
            _byId.Add(member.Node.Id, member);
        }
        member.Node.Start();
        return member;
    }

    /// <summary>Forgets a node that was taken out.</summary>
    public async Task DropAsync(Member member)
    {
        lock (_gate)
        {
            _members.Remove(member);
            _byId.Remove(member.Node.Id);
        }
        await member.Node.DisposeAsync();
    }

    /// <summary>Gets the other nodes of a node's team: its peers.</summary>
    public IReadOnlyList<Member> PeersOf(int number) =>
        [.. Members.Where(one => one.Number != number && shape.TeamOf(one.Number) == shape.TeamOf(number))];

    /// <summary>Begins to note which of some nodes acknowledge a new map.</summary>
    public Watch Expect(IEnumerable<Member> affected) => _watch = new Watch(affected);

    /// <summary>Waits until so many nodes have a stream.</summary>
    public async Task<TimeSpan> WaitAttachedAsync(int count, TimeSpan atMost, CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        var said = TimeSpan.FromSeconds(5);
        while (Attached < count)
        {
            var elapsed = Stopwatch.GetElapsedTime(began);
            if (elapsed > atMost)
                throw new BenchFailureException(
                    ExitCodes.Failed, $"after {elapsed.TotalSeconds:0} s only {Attached} of {count} nodes are attached; missing: {Missing()}");
            if (elapsed > said)
            {
                Progress.Say($"  {Attached} of {count} attached");
                said += TimeSpan.FromSeconds(5);
            }
            await Task.Delay(5, cancel);
        }
        return Stopwatch.GetElapsedTime(began);
    }

    // The first few of those that have no stream, with what they are doing.
    string Missing() => string.Join(
        "; ", Members.Select(member => member.Node).Where(node => !node.IsAttached).Take(10).Select(node => node.Describe()));

    /// <summary>Cuts every stream at once.</summary>
    public void Cut(IEnumerable<Member> members)
    {
        foreach (var member in members)
            member.Node.Cut();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Parallel.ForEachAsync(Members, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (member, _) => await member.Node.DisposeAsync());
    }

    void OnEvent(SimNodeEvent happened)
    {
        switch (happened.Kind)
        {
            case SimNodeEventKind.Attached:
                lock (_gate)
                {
                    if (_byId.TryGetValue(happened.Node.Id, out var attached))
                        attached.AttachedAt = happened.At;
                }
                break;
            case SimNodeEventKind.Acknowledged:
                _watch?.Acknowledged(happened.Node.Id, happened.At.UnixMilliseconds);
                break;
            case SimNodeEventKind.PeerPresence when !happened.Online:
                lock (_gate)
                {
                    if (_byId.TryGetValue(happened.Peer, out var peer) && peer.Node.IsAttached && happened.Issued > peer.AttachedAt + Settling)
                        _falseOffline++;
                }
                break;
        }
    }

    // Each node has an address of its own, as machines have: what is limited per address must not be met by all of them together.
    static async ValueTask<Stream> DialAsync(string address, int number, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Bind(new IPEndPoint(new IPAddress([127, (byte)(1 + (number >> 16)), (byte)(number >> 8), (byte)(number | 1)]), 0));
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
    /// <param name="number">Its place in the network's shape.</param>
    /// <param name="node">The node.</param>
    public sealed class Member(int number, SimNode node)
    {
        /// <summary>Gets its place in the network's shape.</summary>
        public int Number => number;

        /// <summary>Gets the node.</summary>
        public SimNode Node => node;

        /// <summary>Gets or sets how long its enrollment took, in ticks of the stopwatch.</summary>
        public long EnrolledTicks { get; set; }

        /// <summary>Gets or sets when its stream was let in.</summary>
        public WallTime AttachedAt { get; set; }
    }

    /// <summary>Notes when nodes acknowledge a new map.</summary>
    public sealed class Watch
    {
        readonly HashSet<NodeId> _waiting;
        readonly List<long> _at = [];
        readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Watch(IEnumerable<Member> affected) => _waiting = [.. affected.Select(member => member.Node.Id)];

        /// <summary>Waits until each has acknowledged one; gives when each did, in milliseconds of the wall clock.</summary>
        public async Task<IReadOnlyList<long>> AllAsync(TimeSpan atMost, CancellationToken cancel)
        {
            try
            {
                if (_waiting.Count > 0)
                    await _all.Task.WaitAsync(atMost, cancel);
            }
            catch (TimeoutException)
            {
                lock (_waiting)
                    throw new BenchFailureException(ExitCodes.Failed, $"{_waiting.Count} nodes have not acknowledged a change within {atMost.TotalSeconds:0} s");
            }
            lock (_waiting)
                return [.. _at];
        }

        internal void Acknowledged(NodeId node, long at)
        {
            lock (_waiting)
            {
                if (!_waiting.Remove(node))
                    return;
                _at.Add(at);
                if (_waiting.Count == 0)
                    _all.TrySetResult();
            }
        }
    }
}
