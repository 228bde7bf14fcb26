using System.Globalization;

namespace Mesh.Tests.Kit;

/// <summary>
/// A set of network namespaces with links between them, made by <c>ip</c> and removed when disposed (programs started in them first).
/// Names carry the prefix, the process id and a counter, so that several runs on one machine never meet.
/// </summary>
/// <example><code>
///   a (192.0.2.1) ---- veth ---- (192.0.2.2) b          Connect
///   a, b, c ---- veth ---- bridge in namespace "sw"     Bridge
/// </code></example>
public sealed class NetnsTopology : IAsyncDisposable
{
    static int _counter;
    readonly string _prefix;
    readonly List<Netns> _namespaces = [];
    readonly List<RunningProcess> _processes = [];
    readonly List<string> _folders = [];
    readonly List<string> _files = [];
    int _links;
    int _pairs;

    /// <param name="prefix">Short and unique to the suite, for example "mdp".</param>
    public NetnsTopology(string prefix)
    {
        _prefix = $"{prefix}-{Environment.ProcessId}-{Interlocked.Increment(ref _counter)}";
    }

    /// <summary>Adds a namespace with loopback up.</summary>
    public Netns Add(string name)
    {
        Netns ns = new(this, name, $"{_prefix}-{name}");
        ProcessRun.Run("ip", ["netns", "add", ns.FullName]).MustExit();
        _namespaces.Add(ns);
        ns.Ip("link", "set", "lo", "up");
        // A link-local address that is still being looked for elsewhere cannot ask for neighbours: the first packets would wait for a second.
        ns.Sysctl("net.ipv6.conf.default.accept_dad", "0");
        return ns;
    }

    /// <summary>Joins two namespaces by a veth pair; addresses in CIDR form. The interface in each is called <paramref name="interfaceName"/>.</summary>
    public void Connect(Netns a, IReadOnlyList<string> aAddresses, Netns b, IReadOnlyList<string> bAddresses, string interfaceName = "eth0")
    {
        Pair(a, interfaceName, b, interfaceName);
        Configure(a, interfaceName, aAddresses);
        Configure(b, interfaceName, bAddresses);
    }

    /// <summary>Adds a switch: a namespace holding one bridge, to which <see cref="Attach"/> joins others.</summary>
    public Netns AddSwitch(string name = "sw")
    {
        var ns = Add(name);
        ns.Ip("link", "add", "br0", "type", "bridge");
        ns.Ip("link", "set", "br0", "up");
        return ns;
    }

    /// <summary>Joins a namespace to a switch and gives it addresses in CIDR form; returns the name of the switch's end.</summary>
    public string Attach(Netns ns, Netns netSwitch, IReadOnlyList<string> addresses, string interfaceName = "eth0")
    {
        var port = $"p{++_links}";
        Pair(ns, interfaceName, netSwitch, port);
        netSwitch.Ip("link", "set", port, "master", "br0");
        netSwitch.Ip("link", "set", port, "up");
        Configure(ns, interfaceName, addresses);
        return port;
    }

    /// <summary>Makes a temporary folder (mode 0700) that is deleted with the topology.</summary>
    public string TempFolder()
    {
        var folder = Directory.CreateTempSubdirectory(_prefix + "-").FullName;
        _folders.Add(folder);
        return folder;
    }

    /// <summary>Takes a file outside its folders that a program makes and leaves behind when it is killed: it is deleted with the topology.</summary>
    public void Own(string file) => _files.Add(file);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
            await process.DisposeAsync();
        foreach (var ns in _namespaces)
        {
            ProcessRun.Run("ip", ["netns", "del", ns.FullName]);
            if (Directory.Exists($"/etc/netns/{ns.FullName}"))
                Directory.Delete($"/etc/netns/{ns.FullName}", recursive: true);
        }

        _files.ForEach(File.Delete);
        foreach (var folder in _folders)
            Directory.Delete(folder, recursive: true);
    }

    internal void Adopt(RunningProcess process) => _processes.Add(process);

    // Ends with the same number pass for one interface: of those, the kernel tells only once a second that they have a carrier now, and until
    // then IPv6 is not up on them.
    void Pair(Netns a, string aName, Netns b, string bName)
    {
        var index = 100 + 2 * _pairs++;
        a.Ip("link", "add", aName, "index", Text(index), "type", "veth", "peer", "name", bName, "index", Text(index + 1), "netns", b.FullName);
    }

    static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    static void Configure(Netns ns, string interfaceName, IReadOnlyList<string> addresses)
    {
        foreach (var address in addresses)
        {
            // Duplicate address detection would keep a fresh IPv6 address unusable for a second.
            string[] command = ["address", "add", address, "dev", interfaceName];
            ns.Ip(address.Contains(':') ? [.. command, "nodad"] : command);
        }

        ns.Ip("link", "set", interfaceName, "up");
    }
}
