using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Mesh.Node;
using Mesh.Node.Runtime;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit;

namespace Mesh.Tests.E2E.Backend;

/// <summary>
/// Three machines on a switch, each with one tunnel backend.
/// <code>
///   a, b, c: 192.0.2.1 .. 3        (outside, on switch sw)
///            10.7.0.1 .. 3, fd00:7::1 .. 3   (inside)
/// </code>
/// </summary>
sealed class BackendLab : IAsyncDisposable
{
    static int _interfaces;
    readonly NetnsTopology _topology = new("mbk");

    public BackendLab()
    {
        Folder = _topology.TempFolder();
        var sw = _topology.AddSwitch();
        A = new Machine(this, _topology.Add("a"), 1);
        B = new Machine(this, _topology.Add("b"), 2);
        C = new Machine(this, _topology.Add("c"), 3);
        foreach (var machine in new[] { A, B, C })
            _topology.Attach(machine.Ns, sw, [machine.Outside + "/24"]);
    }

    /// <summary>Files of the lab; deleted with it.</summary>
    public string Folder { get; }

    public Machine A { get; }

    public Machine B { get; }

    public Machine C { get; }

    /// <summary>Makes a pre-shared key file.</summary>
    public string PresharedKey(string name)
    {
        using PresharedKey key = new(SystemEntropy.Instance);
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, key.ExportBase64() + "\n");
        return path;
    }

    public ValueTask DisposeAsync() => _topology.DisposeAsync();

    /// <summary>A peer as a machine is told of it; everything is allowed unless rules are given.</summary>
    public sealed record PeerSetting(Machine Machine)
    {
        public string[] Endpoints { get; init; } = [];

        public string[] AllowedIps { get; init; } = [Machine.Inside4 + "/32", Machine.Inside6 + "/128"];

        public string? PresharedKeyFile { get; init; }

        public int Keepalive { get; init; }

        public string[]? Accept { get; init; }

        public string[] Send { get; init; } = [];
    }

    /// <summary>One machine and its backend.</summary>
    public sealed class Machine
    {
        readonly BackendLab _lab;
        RunningProcess? _process;

        public Machine(BackendLab lab, Netns ns, int number)
        {
            (_lab, Ns, Number) = (lab, ns, number);
            using TunnelPrivateKey key = new(SystemEntropy.Instance);
            PublicKey = X25519.ComputePublicKey(key);
            KeyFile = Path.Combine(lab.Folder, $"key{number}");
            File.WriteAllText(KeyFile, key.ExportBase64() + "\n");
            File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Interface = string.Create(CultureInfo.InvariantCulture, $"mbk{Environment.ProcessId % 100000}n{Interlocked.Increment(ref _interfaces)}");
            Addresses = [Inside4 + "/24", Inside6 + "/64"];
        }

        public Netns Ns { get; }

        public int Number { get; }

        public string Interface { get; }

        public TunnelPublicKey PublicKey { get; }

        /// <summary>The private key, in base64.</summary>
        public string KeyFile { get; }

        public string Outside => $"192.0.2.{Number}";

        public string Inside4 => $"10.7.0.{Number}";

        public string Inside6 => $"fd00:7::{Number}";

        public string Endpoint => $"{Outside}:51820";

        /// <summary>Inside addresses with the lengths of their networks.</summary>
        public string[] Addresses { get; set; }

        /// <summary>A program that fails whatever it is asked, in the backend's eyes only; null: none.</summary>
        public string? Without { get; set; }

        public RunningProcess Process => _process ?? throw new InvalidOperationException("not started");

        /// <summary>Starts the managed backend.</summary>
        public Task StartAsync(params PeerSetting[] peers) => StartAsync(BackendKind.Managed, peers);

        /// <summary>Starts a backend and waits until it is ready.</summary>
        public async Task StartAsync(BackendKind kind, params PeerSetting[] peers)
        {
            Launch(kind, peers);
            await Process.WaitForLineAsync("ready ", TimeSpan.FromSeconds(20));
        }

        /// <summary>Starts a backend that will not do, and gives what it says.</summary>
        public async Task<string> FailAsync(BackendKind kind, params PeerSetting[] peers)
        {
            Launch(kind, peers);
            var line = await Process.WaitForLineAsync("failed ", TimeSpan.FromSeconds(20));
            await Process.WaitForExitAsync(TimeSpan.FromSeconds(10));
            return line["failed ".Length..];
        }

        void Launch(BackendKind kind, PeerSetting[] peers)
        {
            Write(peers);
            string[] command = ["dotnet", Assembly.GetExecutingAssembly().Location, "backend", kind.ToString(), ConfigFile];
            // What is mounted here is seen by this process alone: ip netns exec gives each its own mounts.
            _process = Without is null
                ? Ns.Start(command[0], command[1..])
                : Ns.Start("sh", ["-c", $"mount --bind /bin/false {Without} && exec \"$@\"", "sh", .. command]);
        }

        /// <summary>Applies other peers, and <see cref="Addresses"/>.</summary>
        public async Task ApplyAsync(params PeerSetting[] peers)
        {
            Write(peers);
            Assert.Equal("applied", await AskAsync("WINCH", "applied", "refused"));
        }

        /// <summary>Reads what the backend reports.</summary>
        public async Task<BackendReport> ReportAsync() =>
            JsonSerializer.Deserialize<BackendReport>((await AskAsync("USR1", "report "))["report ".Length..])!;

        /// <summary>Reads what the backend reports of a peer.</summary>
        public async Task<PeerReport> ReportAsync(Machine peer) => Assert.Single((await ReportAsync()).Peers, p => p.Key == peer.PublicKey.ToString());

        /// <summary>Stops the backend twice; its process lives on.</summary>
        public Task StopTwiceAsync() => AskAsync("USR2", "stopped");

        /// <summary>Whether a TCP connection to an address is accepted within a second.</summary>
        public bool Connects(string address, int port) =>
            Ns.Run("timeout", "1", "bash", "-c", $"exec 3<>/dev/tcp/{address}/{port.ToString(CultureInfo.InvariantCulture)}").ExitCode == 0;

        string ConfigFile => Path.Combine(_lab.Folder, $"{Number}.hocon");

        async Task<string> AskAsync(string signal, params string[] answers)
        {
            var seen = Process.Output.Length;
            Process.Signal(signal);
            string? line = null;
            await Eventually.TrueAsync($"an answer to {signal}; {Process.Output}", TimeSpan.FromSeconds(20), () =>
                (line = Process.Output[seen..].Split('\n').SkipLast(1).FirstOrDefault(l => answers.Any(a => l.StartsWith(a, StringComparison.Ordinal)))) is not null);
            return line!;
        }

        void Write(PeerSetting[] peers)
        {
            var network = string.Concat(peers.Select(peer => $$"""
                  peers.m{{peer.Machine.Number}} {
                    public-key = "{{peer.Machine.PublicKey}}", allowed-ips = {{List(peer.AllowedIps)}}, persistent-keepalive = {{peer.Keepalive}}
                    {{(peer.PresharedKeyFile is { } psk ? $"preshared-key-file = \"{psk}\"" : "")}}
                  }

                """));
            var rest = string.Concat(peers.Select(peer => $$"""
                candidates.m{{peer.Machine.Number}} = {{List(peer.Endpoints)}}
                {{(peer.Accept is null ? "" : $$"""rules.m{{peer.Machine.Number}} { accept = {{List(peer.Accept)}}, send = {{List(peer.Send)}} }""")}}

                """));
            File.WriteAllText(ConfigFile, $$"""
                mesh {
                  interface = {{Interface}}, port = 51820, private-key-file = "{{KeyFile}}", addresses = {{List(Addresses)}}
                {{network}}
                }
                {{rest}}
                """);
        }

        static string List(IEnumerable<string> values) => $"[{string.Join(", ", values.Select(value => $"\"{value}\""))}]";
    }
}
