namespace Mesh.Node.Demo;

/// <summary>
/// Is a small network on this machine: hosts are network namespaces on one bridge, which is in a namespace too. Everything that it
/// makes carries its own prefix, and disposing removes all of it, whatever happened in between.
/// </summary>
sealed class DemoLab : IAsyncDisposable
{
    const string NamespaceFiles = "/etc/netns";

    readonly string _ip;
    readonly string _prefix = $"mesh-demo-{Environment.ProcessId}";
    readonly List<string> _namespaces = [];
    readonly List<DemoProcess> _processes = [];
    readonly bool _madeNamespaceFiles = !Directory.Exists(NamespaceFiles);

    DemoLab(string ip) => _ip = ip;

    /// <summary>Gets the folder for everything that the programs keep.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("mesh-demo-").FullName;

    /// <summary>Makes the bridge, or says in one line what is missing.</summary>
    public static async Task<DemoLab> CreateAsync(Func<string, string?> environment, CancellationToken cancellation)
    {
        if (DemoNative.EffectiveUser() != 0)
            throw new MeshFailureException(ExitCodes.Refused, "demo: it makes network namespaces and TUN devices, which takes root: run it with sudo");
        if (!File.Exists("/dev/net/tun"))
            throw new MeshFailureException(ExitCodes.BadConfiguration, "demo: there is no /dev/net/tun: load the tun module, or give the container the device");
        var ip = DemoPrograms.OnPath("ip", environment)
            ?? throw new MeshFailureException(ExitCodes.BadConfiguration, "demo: it needs the ip command: install iproute2");
        var lab = new DemoLab(ip);
        try
        {
            await lab.AddNamespaceAsync("net", cancellation);
            await lab.IpAsync(cancellation, "-n", lab.Namespace("net"), "link", "add", "lan", "type", "bridge");
            await lab.IpAsync(cancellation, "-n", lab.Namespace("net"), "link", "set", "lan", "up");
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>Adds a host with one address on the bridge and a hosts file of its own.</summary>
    public async Task AddHostAsync(string host, string address, CancellationToken cancellation)
    {
        var name = Namespace(host);
        await AddNamespaceAsync(host, cancellation);
        Directory.CreateDirectory(Path.Combine(NamespaceFiles, name));
        await File.WriteAllTextAsync(HostsFile(host), "127.0.0.1 localhost\n::1 localhost\n", cancellation);
        await IpAsync(cancellation, "-n", Namespace("net"), "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", name);
        await IpAsync(cancellation, "-n", Namespace("net"), "link", "set", host, "master", "lan", "up");
        await IpAsync(cancellation, "-n", name, "addr", "add", $"{address}/24", "dev", "eth0");
        await IpAsync(cancellation, "-n", name, "link", "set", "eth0", "up");
    }

    /// <summary>Gets the hosts file that programs in a host see as /etc/hosts.</summary>
    public string HostsFile(string host) => Path.Combine(NamespaceFiles, Namespace(host), "hosts");

    /// <summary>Gives the command that runs another one in a host.</summary>
    public IReadOnlyList<string> In(string host, IEnumerable<string> command) => [_ip, "netns", "exec", Namespace(host), .. command];

    /// <summary>Starts a program in a host; it is ended with the lab.</summary>
    public DemoProcess Start(string host, IEnumerable<string> command)
    {
        var process = DemoProcess.Start(In(host, command));
        _processes.Add(process);
        return process;
    }

    /// <summary>Runs a program in a host to its end.</summary>
    public Task<DemoResult> RunAsync(string host, IEnumerable<string> command, CancellationToken cancellation, string? input = null) =>
        DemoProcess.RunAsync(In(host, command), cancellation, input);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_processes.Select(process => process.DisposeAsync().AsTask()));
        foreach (var name in Enumerable.Reverse(_namespaces))
        {
            await DemoProcess.RunAsync([_ip, "netns", "delete", name], CancellationToken.None);
            RemoveFolder(Path.Combine(NamespaceFiles, name));
        }
        if (_madeNamespaceFiles && Directory.Exists(NamespaceFiles) && !Directory.EnumerateFileSystemEntries(NamespaceFiles).Any())
            Directory.Delete(NamespaceFiles);
        RemoveFolder(Folder);
    }

    static void RemoveFolder(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    string Namespace(string host) => $"{_prefix}-{host}";

    async Task AddNamespaceAsync(string host, CancellationToken cancellation)
    {
        // Listed before it is made: an interruption in between must not leave it behind.
        _namespaces.Add(Namespace(host));
        await IpAsync(cancellation, "netns", "add", Namespace(host));
        await IpAsync(cancellation, "-n", Namespace(host), "link", "set", "lo", "up");
    }

    async Task IpAsync(CancellationToken cancellation, params string[] arguments)
    {
        var result = await DemoProcess.RunAsync([_ip, .. arguments], cancellation);
        if (result.ExitCode != 0)
            throw new MeshFailureException(ExitCodes.BadConfiguration, $"demo: it needs network namespaces, and ip {string.Join(' ', arguments)} said: {result.LastLine}");
    }
}
