using System.Globalization;
using System.Text.Json;
using Mesh.Tests.E2E.Lab;

namespace Mesh.Tests.E2E.Interop;

/// <summary>
/// One WireGuard interface, run by a user-space program with the command line of wireguard-go (<c>PROGRAM [-f] INTERFACE</c>) and configured by
/// the stock <c>wg</c> over the socket that the program opens.
/// </summary>
sealed class WireGuardInterface
{
    /// <summary>The programs that scenarios know.</summary>
    public const string Mesh = "mesh", WireGuardGo = "wireguard-go";

    static readonly TimeSpan _startLimit = TimeSpan.FromSeconds(20);
    static int _count;
    readonly string _program;
    readonly string _folder;
    readonly int _number;
    RunningProcess? _process;

    /// <param name="program"><see cref="Mesh"/> or <see cref="WireGuardGo"/>.</param>
    /// <param name="ns">The machine.</param>
    /// <param name="folder">Where key and configuration files go.</param>
    /// <param name="number">The last part of its inside addresses.</param>
    public WireGuardInterface(string program, Netns ns, string folder, int number = 1)
    {
        (_program, Ns, _folder, _number) = (program, ns, folder, number);
        // Sockets of all namespaces are in one folder.
        Name = string.Create(CultureInfo.InvariantCulture, $"wg{Environment.ProcessId % 100000}n{Interlocked.Increment(ref _count)}");
        ns.Topology.Own(Socket);
        KeyFile = Path.Combine(folder, Name + ".key");
        File.WriteAllText(KeyFile, ns.Run("wg", "genkey").MustExit().Output);
        File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        PublicKey = PublicKeyOf(ns, File.ReadAllText(KeyFile));
    }

    /// <summary>Gets the machine.</summary>
    public Netns Ns { get; }

    /// <summary>Gets the interface's name.</summary>
    public string Name { get; }

    /// <summary>Gives its inside address.</summary>
    public string Inside(bool v6) => v6 ? $"fd00:241::{_number}" : $"192.168.241.{_number}";

    /// <summary>Gets the file of its private key.</summary>
    public string KeyFile { get; }

    /// <summary>Gets its public key in base64.</summary>
    public string PublicKey { get; }

    /// <summary>Gets the configuration socket.</summary>
    public string Socket => $"/var/run/wireguard/{Name}.sock";

    /// <summary>Gets the program, once it was started in the foreground.</summary>
    public RunningProcess Process => _process ?? throw new InvalidOperationException("not started");

    /// <summary>Gets whether the interface exists.</summary>
    public bool Exists => Ns.Run("ip", "link", "show", "dev", Name).ExitCode == 0;

    /// <summary>Gets the program's file and the words that come before those of wireguard-go.</summary>
    public (string File, string[] Arguments) Command => _program switch
    {
        Mesh => (Programs.Mesh, ["wireguard"]),
        WireGuardGo => ("wireguard-go", []),
        _ => throw new ArgumentException($"no such program: {_program}"),
    };

    /// <summary>Gives the public key of a private one, as <c>wg</c> computes it.</summary>
    public static string PublicKeyOf(Netns ns, string privateKey) =>
        ProcessRun.Run("ip", ["netns", "exec", ns.FullName, "wg", "pubkey"], input: privateKey).MustExit().Output.Trim();

    /// <summary>Gives the public key of nobody.</summary>
    public string StrangersKey() => PublicKeyOf(Ns, Ns.Run("wg", "genkey").MustExit().Output);

    /// <summary>Starts the program in the foreground and waits until <c>wg</c> can talk to it.</summary>
    public async Task StartAsync()
    {
        var (file, arguments) = Command;
        _process = Ns.Start(new Dictionary<string, string> { ["LOG_LEVEL"] = "error" }, file, [.. arguments, "-f", Name]);
        await Eventually.TrueAsync($"{_program} to open {Socket}", _startLimit, () => _process.HasExited
            ? throw new InvalidOperationException($"{_program}: exit {_process.ExitCode}\n{_process.Output}")
            : File.Exists(Socket) && Exists);
    }

    /// <summary>Runs <c>wg set INTERFACE ...</c>.</summary>
    public void Set(params string[] words) => Ns.Run("wg", ["set", Name, .. words]).MustExit();

    /// <summary>Runs <c>wg setconf INTERFACE FILE</c> with a configuration.</summary>
    public void SetConfiguration(string text)
    {
        var file = Path.Combine(_folder, Name + ".conf");
        File.WriteAllText(file, text);
        Ns.Run("wg", "setconf", Name, file).MustExit();
    }

    /// <summary>Runs <c>wg show INTERFACE WHAT</c> and gives its lines.</summary>
    public string[] Show(string what) =>
        Ns.Run("wg", "show", Name, what).MustExit().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Gets where it sends to the one peer that it has.</summary>
    public string Endpoint => Assert.Single(Show("endpoints")).Split('\t')[1];

    /// <summary>Gets the bytes that <c>wg</c> reports of the one peer that it has.</summary>
    public (long Received, long Sent) Transfer
    {
        get
        {
            var words = Assert.Single(Show("transfer")).Split('\t');
            return (long.Parse(words[1], CultureInfo.InvariantCulture), long.Parse(words[2], CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Gets the bytes that the kernel counted on the interface.</summary>
    public (long Received, long Sent) InterfaceBytes
    {
        get
        {
            using var json = JsonDocument.Parse(Ns.Ip("-j", "-s", "link", "show", "dev", Name).Output);
            var statistics = json.RootElement[0].GetProperty("stats64");
            return (statistics.GetProperty("rx").GetProperty("bytes").GetInt64(), statistics.GetProperty("tx").GetProperty("bytes").GetInt64());
        }
    }

    /// <summary>Pings another through the tunnel; fails unless every ping is answered within a second.</summary>
    public void MustPing(WireGuardInterface other, bool v6, int count = 1, params string[] more) =>
        Ns.Run("ping", ["-n", "-q", "-c", count.ToString(CultureInfo.InvariantCulture), "-W", "1", .. more, other.Inside(v6)]).MustExit();

    /// <summary>Sets the interface's MTU.</summary>
    public void SetMtu(int mtu) => Ns.Ip("link", "set", "dev", Name, "mtu", mtu.ToString(CultureInfo.InvariantCulture));

    /// <summary>Waits for the program's end and checks that nothing of it remains: no process, no socket, no interface.</summary>
    public async Task MustEndAsync(string why)
    {
        Assert.True(await Process.WaitForExitAsync(TimeSpan.FromSeconds(10)) == 0, $"exit {Process.ExitCode} after {why}: {Process.Output}");
        Assert.False(File.Exists(Socket), $"the socket is there after {why}");
        Assert.False(Exists, $"the interface is there after {why}");
    }
}
