using System.Text.Json;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Is one machine of the lab with the node's daemon on it.</summary>
sealed class LabNode
{
    readonly string _folder;
    readonly HttpClient _local;
    NodeStatus? _self;

    internal LabNode(MeshLab lab, Netns ns, string name, string underlay, string underlayV6, string folder)
    {
        Lab = lab;
        Ns = ns;
        Name = name;
        Underlay = underlay;
        UnderlayV6 = underlayV6;
        _folder = folder;
        Directory.CreateDirectory(folder);
        Directory.CreateDirectory($"/etc/netns/{ns.FullName}");
        File.WriteAllText(HostsFile, "127.0.0.1 localhost\n::1 localhost\n");
        Daemon = new LabProgram(ns, $"mesh daemon on {name}", Programs.Mesh, DaemonArguments);
        _local = UnixHttp.Client(Socket);
    }

    /// <summary>Gets the lab.</summary>
    public MeshLab Lab { get; }

    /// <summary>Gets the machine.</summary>
    public Netns Ns { get; }

    /// <summary>Gets the name given by the scenario, which is the host name it asks for.</summary>
    public string Name { get; }

    /// <summary>Gets the IPv4 address outside the tunnel.</summary>
    public string Underlay { get; }

    /// <summary>Gets the IPv6 address outside the tunnel.</summary>
    public string UnderlayV6 { get; }

    /// <summary>Gets the daemon.</summary>
    public LabProgram Daemon { get; }

    /// <summary>Gets the state directory.</summary>
    public string StateDir => Path.Combine(_folder, "state");

    /// <summary>Gets the directory of the wrapping key.</summary>
    public string KeyDir => Path.Combine(_folder, "keys");

    /// <summary>Gets the daemon's socket.</summary>
    public string Socket => Path.Combine(_folder, "mesh.sock");

    /// <summary>Gets the hosts file of the machine.</summary>
    public string HostsFile => $"/etc/netns/{Ns.FullName}/hosts";

    /// <summary>Gets what the daemon is started with.</summary>
    public IReadOnlyList<string> DaemonArguments =>
        ["daemon", "--state-dir", StateDir, "--socket", Socket, "--key-dir", KeyDir, "--interface", "mesh0", "--port", "51820", "--hosts-file", HostsFile];

    /// <summary>Gets the IPv4 address inside the tunnel, as the first status after joining gave it.</summary>
    public string V4 => Self.V4;

    /// <summary>Gets the IPv6 address inside the tunnel.</summary>
    public string V6 => Self.V6;

    NodeEntry Self => _self?.Self ?? throw new InvalidOperationException($"{Name} has not joined");

    /// <summary>Starts the daemon and waits until it answers.</summary>
    public async Task StartAsync()
    {
        Daemon.Start();
        await Eventually.TrueAsync($"the daemon of {Name} answers", TimeSpan.FromSeconds(20),
            () => Daemon.IsRunning ? UnixHttp.Listens(Socket) : throw new InvalidOperationException($"the daemon of {Name} ended\n{Daemon.Tail()}"));
    }

    /// <summary>Waits until the tunnel is up with a map in force, with a controller or without.</summary>
    public Task<TimeSpan> RunningAsync(double seconds = 10) => Eventually.TrueAsync($"{Name} is up", TimeSpan.FromSeconds(seconds),
        async () => await TryStatusAsync() is { BackendState: "Running" });

    /// <summary>Joins with a fresh credential, as a user does: through a file.</summary>
    public async Task JoinAsync(string user = "alice")
    {
        await UpAsync(Lab.Controller.CreateCredential(user)).ContinueWith(up => up.Result.MustExit(), TaskScheduler.Default);
        await AttachedAsync();
    }

    /// <summary>Runs <c>mesh up</c> with a credential in a file of mode 0600.</summary>
    public async Task<ProcessResult> UpAsync(string credential, params string[] more)
    {
        var file = Path.Combine(_folder, "credential");
        await File.WriteAllTextAsync(file, credential + "\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        try
        {
            return await Task.Run(() => Mesh(["up", "--auth-key", $"file:{file}", "--hostname", Name, .. more]));
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Waits until the node is attached and remembers its addresses.</summary>
    public async Task<TimeSpan> AttachedAsync(double seconds = 10) =>
        await Eventually.TrueAsync($"{Name} is attached", TimeSpan.FromSeconds(seconds), async () =>
        {
            if (await TryStatusAsync() is not { IsAttached: true, Self: not null } status)
                return false;
            _self = status;
            return true;
        });

    /// <summary>Runs a verb of <c>mesh</c> on the machine.</summary>
    public ProcessResult Mesh(params string[] arguments) =>
        Lab.Record(Ns.Run(TimeSpan.FromSeconds(90), Programs.Mesh, [.. arguments, "--socket", Socket]));

    /// <summary>Asks the daemon for its status, as <c>mesh status --json</c> does.</summary>
    public async Task<NodeStatus> StatusAsync() =>
        JsonSerializer.Deserialize<NodeStatus>(await _local.GetStringAsync("/v1/status"))!;

    /// <summary>Asks for the status; null while no daemon answers.</summary>
    public async Task<NodeStatus?> TryStatusAsync()
    {
        try
        {
            return await StatusAsync();
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return null;
        }
    }

    /// <summary>Starts <c>ping</c> towards a name or address.</summary>
    public PingRun StartPing(string target, double interval = 0.2, params string[] more) => PingRun.Start(Ns, target, interval, more);
}
