using Mesh.Protocol.Identity;

namespace Mesh.Bench.Lab;

/// <summary>
/// Two machines on one link of 1500 bytes, nothing pinned, no kernel variable tuned:
/// <code>
///   a: 192.0.2.1, 2001:db8::1 (outside)  --veth--  192.0.2.2, 2001:db8::2 : b
///      10.99.0.1, fd00:99::1  (inside)              10.99.0.2, fd00:99::2
/// </code>
/// a opens every flow and accepts none; b accepts them.
/// </summary>
sealed class TwoNodes : IAsyncDisposable
{
    static int _tunnels;
    readonly NetnsTopology _topology = new("mbn");
    readonly bool _outerV6;

    public TwoNodes(bool offload, bool outerV6, bool innerV6)
    {
        _outerV6 = outerV6;
        Target = innerV6 ? "fd00:99::2" : "10.99.0.2";
        try
        {
            Folder = _topology.TempFolder();
            (A, B) = (_topology.Add("a"), _topology.Add("b"));
            _topology.Connect(A, ["192.0.2.1/24", "2001:db8::1/64"], B, ["192.0.2.2/24", "2001:db8::2/64"]);
            if (!offload)
            {
                VethOffload.TurnOff(A, "eth0");
                VethOffload.TurnOff(B, "eth0");
            }
        }
        catch
        {
            _topology.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }
    }

    /// <summary>For keys and other files; deleted with the lab.</summary>
    public string Folder { get; }

    public Netns A { get; }

    public Netns B { get; }

    /// <summary>Where b is reached through the tunnel.</summary>
    public string Target { get; }

    /// <summary>Starts the program at both ends and waits until a ping comes through.</summary>
    /// <param name="contender">The program.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <param name="more">Further peers of b, for which nobody is there.</param>
    public async Task<Tunnel> StartAsync(IContender contender, CancellationToken cancel, IReadOnlyList<PeerEntry>? more = null)
    {
        var number = Interlocked.Increment(ref _tunnels);
        TunnelKey keyA = TunnelKey.Create(Folder, $"a{number}"), keyB = TunnelKey.Create(Folder, $"b{number}");
        Tunnel tunnel = new(contender.Name);
        try
        {
            tunnel.B = await contender.StartAsync(B, new EndOptions(InterfaceName('b', number), Folder, keyB, ["10.99.0.2/24", "fd00:99::2/64"], Opens: false,
                [new PeerEntry(keyA.Public, Endpoint(1), ["10.99.0.1/32", "fd00:99::1/128"]), .. more ?? []]), cancel);
            tunnel.A = await contender.StartAsync(A, new EndOptions(InterfaceName('a', number), Folder, keyA, ["10.99.0.1/24", "fd00:99::1/64"], Opens: true,
                [new PeerEntry(keyB.Public, Endpoint(2), ["10.99.0.2/32", "fd00:99::2/128"])]), cancel);
            for (var attempt = 0; A.Run("ping", "-n", "-q", "-c", "1", "-W", "1", Target).ExitCode != 0; attempt++)
            {
                cancel.ThrowIfCancellationRequested();
                tunnel.MustRun();
                if (attempt == 20)
                    throw new BenchFailureException(ExitCodes.Failed, $"the tunnel of {contender.Name} did not come up: {tunnel.A.Process.Output}{tunnel.B.Process.Output}");
            }

            contender.Verify(tunnel.A);
            return tunnel;
        }
        catch
        {
            await tunnel.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the program at b alone, with a table of peers.</summary>
    public Task<TunnelEnd> StartHubAsync(IContender contender, TunnelKey key, IReadOnlyList<PeerEntry> peers, CancellationToken cancel) =>
        contender.StartAsync(B, new EndOptions(InterfaceName('b', Interlocked.Increment(ref _tunnels)), Folder, key, ["10.99.0.2/24"], Opens: false, peers), cancel);

    /// <summary>Starts the program in a namespace of its own beside a, behind its own link to b, as the only peer that it has.</summary>
    public Task<TunnelEnd> StartPeerAsync(Netns ns, IContender contender, TunnelKey key, string address, TunnelPublicKey hub, string endpoint,
        IReadOnlyList<string> hubAllowedIps, CancellationToken cancel) =>
        contender.StartAsync(ns, new EndOptions(InterfaceName('c', Interlocked.Increment(ref _tunnels)), Folder, key, [address], Opens: true,
            [new PeerEntry(hub, endpoint, hubAllowedIps)]), cancel);

    /// <summary>Adds a third machine with a link of its own to b.</summary>
    public Netns AddThird(string addressOfThird, string addressOfB)
    {
        var third = _topology.Add("c");
        _topology.Connect(third, [addressOfThird], B, [addressOfB], "eth1");
        return third;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _topology.DisposeAsync();

    /// <summary>A name that no other run on this machine has: wireguard-go's sockets share one folder.</summary>
    public static string InterfaceName(char side, int number) => $"mbn{Environment.ProcessId % 1_000_000}{side}{number}";

    string Endpoint(int number) => _outerV6 ? $"[2001:db8::{number}]:{EndOptions.Port}" : $"192.0.2.{number}:{EndOptions.Port}";
}

/// <summary>A program running at both ends.</summary>
sealed class Tunnel(string name) : IAsyncDisposable
{
    public TunnelEnd? A { get; set; }

    public TunnelEnd? B { get; set; }

    /// <summary>Processor seconds of both daemons.</summary>
    public double CpuSeconds => A!.CpuSeconds + B!.CpuSeconds;

    /// <summary>Throws with what a daemon said when it has ended.</summary>
    public void MustRun()
    {
        A?.MustRun($"{name} at a");
        B?.MustRun($"{name} at b");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (A is not null)
            await A.DisposeAsync();
        if (B is not null)
            await B.DisposeAsync();
    }
}
