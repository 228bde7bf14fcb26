namespace Mesh.Bench.Lab;

/// <summary>
/// One hub and many peers on a switch, each with its own namespace:
/// <code>
///   p0 172.16.1.0 --+
///   p1 172.16.1.1 --+-- switch -- 172.16.0.1 hub           outside
///   ...             |             10.99.0.1; 10.99.1.i     inside
/// </code>
/// The peers always run wireguard-go, so that between two runs only the hub differs.
/// </summary>
sealed class Star : IAsyncDisposable
{
    static int _tunnels;
    readonly NetnsTopology _topology = new("mbs");
    readonly List<TunnelEnd> _ends = [];

    Star()
    {
    }

    public const string Target = "10.99.0.1";

    public Netns Hub { get; private set; } = null!;

    public IReadOnlyList<Netns> Peers { get; private set; } = [];

    /// <summary>The hub's daemon.</summary>
    public TunnelEnd Node { get; private set; } = null!;

    /// <summary>Makes the namespaces, starts everybody and waits until each peer's ping comes through.</summary>
    public static async Task<Star> StartAsync(IContender hub, WireGuardGo peer, int count, CancellationToken cancel)
    {
        Star star = new();
        try
        {
            await star.StartEverybodyAsync(hub, peer, count, cancel);
            return star;
        }
        catch
        {
            await star.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var end in _ends)
            await end.DisposeAsync();
        await _topology.DisposeAsync();
    }

    async Task StartEverybodyAsync(IContender hub, WireGuardGo peer, int count, CancellationToken cancel)
    {
        var folder = _topology.TempFolder();
        var netSwitch = _topology.AddSwitch();
        Hub = _topology.Add("hub");
        _topology.Attach(Hub, netSwitch, ["172.16.0.1/16"]);
        Peers = [.. Enumerable.Range(0, count).Select(i => _topology.Add($"p{i}"))];
        for (var i = 0; i < count; i++)
            _topology.Attach(Peers[i], netSwitch, [$"172.16.1.{i}/16"]);
        var hubKey = TunnelKey.Create(folder, "hub");
        TunnelKey[] keys = [.. Enumerable.Range(0, count).Select(i => TunnelKey.Create(folder, $"p{i}"))];
        Node = await hub.StartAsync(Hub, new EndOptions(Name('h'), folder, hubKey, [$"{Target}/16"], Opens: false,
            [.. keys.Select((k, i) => new PeerEntry(k.Public, null, [$"10.99.1.{i}/32"]))]), cancel);
        _ends.Add(Node);
        for (var i = 0; i < count; i++)
        {
            _ends.Add(await peer.StartAsync(Peers[i], new EndOptions(Name('p'), folder, keys[i], [$"10.99.1.{i}/16"], Opens: true,
                [new PeerEntry(hubKey.Public, $"172.16.0.1:{EndOptions.Port}", [$"{Target}/32"])]), cancel));
        }

        foreach (var ns in Peers)
        {
            cancel.ThrowIfCancellationRequested();
            if (!ns.Ping(Target, 1, 10))
                throw new BenchFailureException(ExitCodes.Failed, $"{ns.Name} does not reach {hub.Name}: {Node.Process.Output}");
        }
    }

    static string Name(char kind) => $"mbs{Environment.ProcessId % 1_000_000}{kind}{Interlocked.Increment(ref _tunnels)}";
}
