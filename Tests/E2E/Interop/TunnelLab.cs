using System.Text.Json;
using System.Globalization;
using System.Reflection;
using Mesh.Node;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit;

namespace Mesh.Tests.E2E.Interop;

/// <summary>
/// Two machines on one link, each with one end of a tunnel: ours or wireguard-go.
/// <code>
///   a: 192.0.2.1, 2001:db8::1 (outside)  --veth--  192.0.2.2, 2001:db8::2 : b
///      10.7.0.1, fd00:7::1    (inside)              10.7.0.2, fd00:7::2
/// </code>
/// Or with a router between them, and the same addresses.
/// </summary>
sealed class TunnelLab : IAsyncDisposable
{
    static int _interfaces;
    readonly NetnsTopology _topology = new("mdp");
    readonly string _folder;

    /// <param name="narrow">The MTU of the link to b, behind a router that joins it to a's; null: they share one link.</param>
    public TunnelLab(int? narrow = null)
    {
        _folder = _topology.TempFolder();
        A = new End(this, _topology.Add("a"), 1);
        B = new End(this, _topology.Add("b"), 2);
        if (narrow is { } mtu)
            Router = Route(mtu);
        else
            _topology.Connect(A.Ns, ["192.0.2.1/24", "2001:db8::1/64"], B.Ns, ["192.0.2.2/24", "2001:db8::2/64"]);
    }

    /// <summary>The machine between the two, with the links eth1 to a and eth2 to b, or null.</summary>
    public Netns? Router { get; }

    public End A { get; }

    public End B { get; }

    /// <summary>A pre-shared key file, the same for both ends; null: none.</summary>
    public string? PresharedKeyFile { get; private set; }

    public void UsePresharedKey()
    {
        using PresharedKey key = new(SystemEntropy.Instance);
        PresharedKeyFile = Path.Combine(_folder, "psk");
        File.WriteAllText(PresharedKeyFile, key.ExportBase64() + "\n");
        File.SetUnixFileMode(PresharedKeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public ValueTask DisposeAsync() => _topology.DisposeAsync();

    Netns Route(int mtu)
    {
        var router = _topology.Add("r");
        foreach (var (end, link) in new[] { (A, "eth1"), (B, "eth2") })
        {
            _topology.Connect(end.Ns, [$"{end.Outside4}/32", $"{end.Outside6}/128"], router, ["198.51.100.1/32", "2001:db8:1::1/128"], link);
            end.Ns.Ip("-4", "route", "add", "default", "via", "198.51.100.1", "dev", link, "onlink");
            end.Ns.Ip("-6", "route", "add", "default", "via", "2001:db8:1::1", "dev", link, "onlink");
            router.Ip("-4", "route", "add", $"{end.Outside4}/32", "dev", link);
            router.Ip("-6", "route", "add", $"{end.Outside6}/128", "dev", link);
        }
        router.Sysctl("net.ipv4.ip_forward", "1");
        router.Sysctl("net.ipv6.conf.all.forwarding", "1");
        // b knows how narrow its own link is; a has to find out.
        foreach (var ns in new[] { router, B.Ns })
            ns.Ip("link", "set", "dev", "eth2", "mtu", mtu.ToString(CultureInfo.InvariantCulture));
        return router;
    }

    /// <summary>One machine and its end of the tunnel.</summary>
    public sealed class End
    {
        readonly TunnelLab _lab;
        readonly string _keyFile;
        RunningProcess? _process;

        public End(TunnelLab lab, Netns ns, int number)
        {
            (_lab, Ns, Number) = (lab, ns, number);
            using TunnelPrivateKey key = new(SystemEntropy.Instance);
            PublicKey = X25519.ComputePublicKey(key);
            _keyFile = Path.Combine(lab._folder, $"key{number}");
            File.WriteAllText(_keyFile, key.ExportBase64() + "\n");
            File.SetUnixFileMode(_keyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Interface = string.Create(CultureInfo.InvariantCulture, $"mdp{Environment.ProcessId % 100000}n{Interlocked.Increment(ref _interfaces)}");
        }

        public Netns Ns { get; }

        public int Number { get; }

        public string Interface { get; }

        public TunnelPublicKey PublicKey { get; }

        public string Outside4 => $"192.0.2.{Number}";

        public string Outside6 => $"2001:db8::{Number}";

        public string Inside4 => $"10.7.0.{Number}";

        public string Inside6 => $"fd00:7::{Number}";

        public RunningProcess Process => _process ?? throw new InvalidOperationException("not started");

        public string EndpointFor(bool v6) => v6 ? $"[{Outside6}]:51820" : $"{Outside4}:51820";

        /// <summary>Starts our end; with <paramref name="to"/> it knows where the other is and begins.</summary>
        public async Task StartOursAsync(End other, string? to, string extra = "")
        {
            WriteConfiguration(other, to, extra);
            _process = Ns.Start("dotnet", Assembly.GetExecutingAssembly().Location, "tunnel", ConfigFile);
            await _process.WaitForLineAsync("ready ", TimeSpan.FromSeconds(20));
        }

        /// <summary>Starts the program itself, <c>mesh daemon</c>, with the same configuration.</summary>
        public async Task StartDaemonAsync(End other, string? to, string extra = "", params string[] flags)
        {
            WriteConfiguration(other, to, extra);
            _process = Ns.Start(Programs.Mesh, ["daemon", "--config", ConfigFile, "--state-dir", Path.Combine(_lab._folder, $"state{Number}"),
                "--socket", DaemonSocket, "--key-dir", Path.Combine(_lab._folder, $"keys{Number}"), "--hosts-file", "none", .. flags]);
            await Eventually.TrueAsync("the daemon to answer", TimeSpan.FromSeconds(30), () => _process.HasExited
                ? throw new InvalidOperationException(_process.Output)
                : Ns.Run(Programs.Mesh, "status", "--socket", DaemonSocket).ExitCode == 0);
        }

        /// <summary>What <c>mesh status --json</c> says of our end.</summary>
        public string Status() => Ns.Run(Programs.Mesh, "status", "--json", "--socket", DaemonSocket).MustExit().Output;

        /// <summary>What <c>mesh status</c> says of our end.</summary>
        public string StatusText() => Ns.Run(Programs.Mesh, "status", "--socket", DaemonSocket).MustExit().Output;

        /// <summary>Which offloads our end uses, by name.</summary>
        public IReadOnlyDictionary<string, bool> Features()
        {
            using var document = JsonDocument.Parse(Status());
            return document.RootElement.GetProperty("Tunnel").GetProperty("Features").EnumerateArray()
                .ToDictionary(feature => feature.GetProperty("Name").GetString()!, feature => feature.GetProperty("On").GetBoolean());
        }

        string DaemonSocket => Path.Combine(_lab._folder, $"{Number}.sock");

        /// <summary>Applies another configuration to our running end.</summary>
        public async Task ApplyAsync(End other, string? to, bool without = false)
        {
            WriteConfiguration(other, to, "", without);
            var seen = Process.Output.Length;
            Process.Signal("USR2");
            for (var i = 0; i < 250 && !Process.Output[seen..].Contains("applied", StringComparison.Ordinal); i++)
                await Task.Delay(20);
            if (!Process.Output[seen..].Contains("applied", StringComparison.Ordinal))
                throw new TimeoutException(Process.Output);
        }

        string ConfigFile => Path.Combine(_lab._folder, $"{Number}.hocon");

        void WriteConfiguration(End other, string? to, string extra, bool without = false) =>
            File.WriteAllText(ConfigFile, $$"""
                mesh {
                  interface = {{Interface}}, port = 51820, private-key-file = "{{_keyFile}}"
                  addresses = ["{{Inside4}}/24", "{{Inside6}}/64"]
                  {{(without ? "" : $$"""
                  peers.other {
                    public-key = "{{other.PublicKey}}", allowed-ips = ["{{other.Inside4}}/32", "{{other.Inside6}}/128"]
                    {{(_lab.PresharedKeyFile is { } psk ? $"preshared-key-file = \"{psk}\"" : "")}}
                    {{(to is null ? "" : $"endpoint = \"{to}\"")}}
                    {{extra}}
                  }
                  """)}}
                }
                """);

        /// <summary>Starts wireguard-go and configures it with wg and ip.</summary>
        public async Task StartWireGuardGoAsync(End other, string? to)
        {
            Ns.Topology.Own($"/var/run/wireguard/{Interface}.sock");
            _process = Ns.Start(new Dictionary<string, string> { ["LOG_LEVEL"] = "error" }, "wireguard-go", "-f", Interface);
            for (var i = 0; !File.Exists($"/var/run/wireguard/{Interface}.sock"); i++)
            {
                if (i == 100 || _process.HasExited)
                    throw new InvalidOperationException($"wireguard-go did not start: {_process.Output}");
                await Task.Delay(50);
            }

            string[] psk = _lab.PresharedKeyFile is { } file ? ["preshared-key", file] : [];
            string[] endpoint = to is null ? [] : ["endpoint", to];
            Ns.Run("wg", ["set", Interface, "private-key", _keyFile, "listen-port", "51820", "peer", other.PublicKey.ToString(), .. psk, .. endpoint,
                "allowed-ips", $"{other.Inside4}/32,{other.Inside6}/128"]).MustExit();
            Ns.Ip("address", "add", $"{Inside4}/24", "dev", Interface);
            Ns.Ip("address", "add", $"{Inside6}/64", "dev", Interface, "nodad");
            Ns.Ip("link", "set", Interface, "mtu", "1420", "up");
        }

        /// <summary>Our end's counters, as it prints them.</summary>
        public async Task<string> CountersAsync()
        {
            var before = Process.Output.Length;
            Process.Signal("USR1");
            for (var i = 0; i < 100 && !Process.Output[before..].Contains("end\n", StringComparison.Ordinal); i++)
                await Task.Delay(20);
            return Process.Output[before..];
        }
    }
}
