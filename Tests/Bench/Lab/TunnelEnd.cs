using System.Net.Sockets;
using System.Security.Cryptography;
using Mesh.Bench.Measure;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Bench.Lab;

/// <summary>A static key and the file (mode 0600) that holds it.</summary>
sealed record TunnelKey(TunnelPublicKey Public, string File)
{
    /// <summary>Draws a key and writes it into a folder.</summary>
    public static TunnelKey Create(string folder, string name)
    {
        using TunnelPrivateKey key = new(RandomNumberGenerator.GetBytes(32));
        var file = Path.Combine(folder, name + ".key");
        System.IO.File.WriteAllText(file, key.ExportBase64() + "\n");
        System.IO.File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return new TunnelKey(X25519.ComputePublicKey(key), file);
    }

    /// <summary>Draws keys of peers that have no files, because no program runs for them.</summary>
    public static IReadOnlyList<TunnelPrivateKey> Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => new TunnelPrivateKey(RandomNumberGenerator.GetBytes(32)))];
}

/// <summary>What one end of a tunnel is told.</summary>
/// <param name="Name">Unique in the run, at most 15 characters: the interface is called so.</param>
/// <param name="Folder">For its files; deleted with the lab.</param>
/// <param name="Key">Its own key.</param>
/// <param name="Addresses">Inside addresses in CIDR form.</param>
/// <param name="Opens">Whether this end opens flows (and accepts none), or accepts them (and opens none).</param>
/// <param name="Peers">The others.</param>
sealed record EndOptions(string Name, string Folder, TunnelKey Key, IReadOnlyList<string> Addresses, bool Opens, IReadOnlyList<PeerEntry> Peers)
{
    /// <summary>The port of every daemon here; each has a namespace of its own.</summary>
    public const int Port = 51820;

    /// <summary>What a veth of 1500 bytes carries after the overhead of 80 over IPv6.</summary>
    public const int Mtu = 1420;
}

/// <summary>One peer in an end's configuration.</summary>
sealed record PeerEntry(TunnelPublicKey Key, string? Endpoint, IReadOnlyList<string> AllowedIps);

/// <summary>A running end: the daemon and what it left on the machine outside its namespace.</summary>
sealed class TunnelEnd(RunningProcess process, string? socket, TimeSpan startTime) : IAsyncDisposable
{
    /// <summary>The daemon.</summary>
    public RunningProcess Process => process;

    /// <summary>How long it took from the start of the program until its tunnel was configured.</summary>
    public TimeSpan StartTime => startTime;

    /// <summary>The socket of its local API, where it has one.</summary>
    public string? Api { get; init; }

    /// <summary>Processor seconds used so far, user and system, all threads.</summary>
    public double CpuSeconds => ProcFigures.CpuSeconds(process.Id);

    /// <summary>Resident set in bytes.</summary>
    public long ResidentBytes => ProcFigures.ResidentBytes(process.Id);

    /// <summary>Throws with the daemon's last lines when it has ended.</summary>
    public void MustRun(string name)
    {
        if (process.HasExited)
            throw new BenchFailureException(ExitCodes.Failed, $"{name} ended with exit code {process.ExitCode}: {Tail(process)}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Signal("TERM");
            try
            {
                await process.WaitForExitAsync(TimeSpan.FromSeconds(15));
            }
            catch (TimeoutException)
            {
                // Disposing kills it.
            }
        }
        await process.DisposeAsync();
        if (socket is not null)
            File.Delete(socket);
    }

    /// <summary>Waits until a UNIX socket accepts connections; fails with what the daemon said when it ends before.</summary>
    public static async Task WaitForSocketAsync(RunningProcess process, string path, string name, TimeSpan patience, CancellationToken cancel)
    {
        var deadline = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        while (!await ListensAsync(path))
        {
            if (process.HasExited || Environment.TickCount64 > deadline)
                throw new BenchFailureException(ExitCodes.Failed, $"{name} did not start: {Tail(process)}");
            await Task.Delay(50, cancel);
        }
    }

    static async Task<bool> ListensAsync(string path)
    {
        if (!File.Exists(path))
            return false;
        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await probe.ConnectAsync(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    static string Tail(RunningProcess process) => string.Join(" | ", process.Output.TrimEnd('\n').Split('\n').TakeLast(3));
}
