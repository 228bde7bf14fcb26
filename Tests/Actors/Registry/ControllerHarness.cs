using Mesh.Actors.Policy;
using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Actors.Sessions;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Tests.Actors.Registry;

/// <summary>Runs a controller's actors on a store, and again on the same store after a crash.</summary>
public sealed class ControllerHarness : IAsyncDisposable
{
    static int _last;

    ActorSystem? _system;
    ControllerSystem? _controller;

    public ControllerHarness(int seed = 1)
    {
        Entropy = new SeededEntropy(seed);
        Root = new SigningPrivateKey(Entropy);
        Network = TypedId.Create<NetworkId>(Entropy);
        Signer = new TestSigner(Network, Root, Clock.Now, Entropy);
    }

    public JournalStore Store { get; } = new JournalStore().Offer();

    public ManualClock Clock { get; } = new();

    public IEntropy Entropy { get; }

    public SigningPrivateKey Root { get; }

    public NetworkId Network { get; }

    public TestSigner Signer { get; }

    public PresenceTable Presence { get; private set; } = new();

    public ILastSeen? LastSeen { get; set; }

    // Tests wait for nodes to be offline; those that are about the time that it takes say another.
    static readonly TimeSpan BriefGrace = TimeSpan.FromMilliseconds(100);

    public ControllerOptions Options { get; set; } = new() { CommandTimeout = TimeSpan.FromSeconds(5), MoveGrace = BriefGrace };

    public ControllerSystem Controller => _controller!;

    public ActorSystem System => _system!;

    /// <summary>Starts a controller and, on an empty store, its network.</summary>
    public static async Task<ControllerHarness> StartAsync(int seed = 1, ControllerOptions? options = null)
    {
        var harness = new ControllerHarness(seed);
        if (options is not null)
            harness.Options = options.MoveGrace == new ControllerOptions().MoveGrace ? options with { MoveGrace = BriefGrace } : options;
        await harness.StartFirstAsync();
        return harness;
    }

    /// <summary>Starts a controller on an empty store, and its network.</summary>
    public async Task StartFirstAsync()
    {
        await StartAgainAsync();
        var genesis = new NetworkGenesis(Network, Ed25519.ComputePublicKey(Root), Ipv6: "fd12:3456:789a::/48");
        Assert.True((await Controller.InitializeAsync(genesis, By("system"))).IsDone);
        Assert.True((await Controller.DelegateAsync(
            Signer.Controller, Signer.Delegation, Signer.Authority, ["controller.test:8443"], By("system"))).IsDone);
        Assert.True((await Controller.CreateUserAsync("alice", By("admin:root"))).IsDone);
    }

    public async Task StartAgainAsync()
    {
        Store.GoOn();
        _system = ActorSystem.Create(
            $"controller{Interlocked.Increment(ref _last)}",
            ConfigurationFactory.ParseString("akka { stdout-loglevel = OFF, loglevel = ERROR, log-dead-letters = off }\n" + Store.Hocon));
        Presence = new PresenceTable();
        _controller = await ControllerSystem.StartAsync(_system, Store, Signer, Clock, Entropy, Presence, Options, lastSeen: LastSeen, pruning: Store);
    }

    /// <summary>Ends the actors without asking them.</summary>
    public async Task CrashAsync()
    {
        await _system!.Terminate();
        (_system, _controller) = (null, null);
    }

    public Cause By(string who) => Cause.Of(who, Entropy);

    public async Task<IssuedCredential> CredentialAsync(string? owner = "alice", TimeSpan? lifetime = null, params string[] tags)
    {
        var issued = await Controller.CreateCredentialAsync(new CredentialRequest(tags.Length > 0 ? null : owner, tags, lifetime), By("admin:root"));
        Assert.True(issued.IsDone, issued.Refusal?.Message);
        return issued.Value;
    }

    public async Task<(Machine Machine, Enrolled Enrolled)> JoinAsync(string hostname, string? owner = "alice", params string[] tags)
    {
        var machine = new Machine(Entropy, hostname);
        var outcome = await Controller.EnrollAsync(machine.Request((await CredentialAsync(owner, null, tags)).Text, Clock.Now));
        Assert.True(outcome.Result.IsDone, outcome.Result.Refusal?.Message);
        return (machine, outcome.Result.Value);
    }

    /// <summary>Lets everybody reach everybody, or what the pairs say.</summary>
    public async Task AllowAsync(params (string From, string To)[] rules)
    {
        var text = string.Join('\n', rules.Select(rule => $"{rule.From} > {rule.To}"));
        Assert.True((await Controller.SetPolicyAsync(text, PolicyText.Of(rules), By("admin:root"))).IsDone);
    }

    public async ValueTask DisposeAsync()
    {
        if (_controller is not null)
            await _controller.DisposeAsync();
        if (_system is not null)
            await _system.Terminate();
        Store.Dispose();
    }
}

/// <summary>Makes policy trees as a YAML parser would.</summary>
public static class PolicyText
{
    public static PolicySource Of(params (string From, string To)[] rules) => Map(1,
        ("version", Text("1", 1)),
        ("allow", new PolicySource.Sequence(
            [.. rules.Select((rule, i) => Map(i + 3, ("from", List(i + 3, rule.From)), ("to", List(i + 3, rule.To))))], 2)));

    public static PolicySource Map(int line, params (string Key, PolicySource Value)[] entries) =>
        new PolicySource.Mapping([.. entries.Select(entry => new PolicySource.Entry(entry.Key, entry.Value, entry.Value.Line))], line);

    public static PolicySource List(int line, params string[] texts) => new PolicySource.Sequence([.. texts.Select(text => Text(text, line))], line);

    public static PolicySource Text(string? text, int line) => new PolicySource.Scalar(text, line);
}
