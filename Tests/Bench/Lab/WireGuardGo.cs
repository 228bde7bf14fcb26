using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace Mesh.Bench.Lab;

/// <summary>wireguard-go, driven as its users drive it: the program, <c>wg</c> and <c>ip</c>.</summary>
sealed partial class WireGuardGo : IContender
{
    // The first version with segmentation offload. A Debian package of 2023-12-11 still calls itself 0.0.20230223.
    const int FirstWithOffload = 20230223;

    readonly string _program;

    WireGuardGo(string program, string description) => (_program, Description) = (program, description);

    /// <inheritdoc/>
    public string Name => "wireguard-go";

    /// <inheritdoc/>
    public string Description { get; }

    /// <summary>Finds the program and looks at its version.</summary>
    /// <exception cref="BenchFailureException">There is none, or it is too old to be compared with.</exception>
    public static WireGuardGo Find(string program, bool allowOld)
    {
        if (Requirements.Find("wg") is null)
            throw new BenchFailureException(ExitCodes.Unreachable, "the program wg is missing: install wireguard-tools");
        if (!File.Exists(program))
            throw new BenchFailureException(ExitCodes.Unreachable, $"there is no wireguard-go at {program}: install it, or name it with --peer");
        var version = VersionPattern().Match(ProcessRun.Run(program, ["--version"]).Output);
        if (!version.Success)
            throw new BenchFailureException(ExitCodes.Unreachable, $"{program} --version names no version: it is not wireguard-go");
        if (int.Parse(version.Groups["date"].Value) < FirstWithOffload && !allowOld)
        {
            throw new BenchFailureException(ExitCodes.Refused,
                $"{program} is {version.Value}, which has no segmentation offload and is too easy a peer: name a later one with --peer, or say --allow-old-peer");
        }

        return new WireGuardGo(Path.GetFullPath(program), $"{version.Value} ({Package(program) ?? "not from a package"})");
    }

    /// <inheritdoc/>
    public async Task<TunnelEnd> StartAsync(Netns ns, EndOptions options, CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        var socket = $"/var/run/wireguard/{options.Name}.sock";
        var process = ns.Start(new Dictionary<string, string> { ["LOG_LEVEL"] = "error" }, _program, "-f", options.Name);
        await TunnelEnd.WaitForSocketAsync(process, socket, Name, TimeSpan.FromSeconds(10), cancel);
        var file = Path.Combine(options.Folder, options.Name + ".conf");
        await File.WriteAllTextAsync(file, Configuration(options), cancel);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        ns.Run("wg", "setconf", options.Name, file).MustExit();
        foreach (var address in options.Addresses)
            ns.Ip(["address", "add", address, "dev", options.Name, .. address.Contains(':') ? ["nodad"] : Array.Empty<string>()]);
        ns.Ip("link", "set", options.Name, "mtu", $"{EndOptions.Mtu}", "up");
        return new TunnelEnd(process, socket, Stopwatch.GetElapsedTime(began));
    }

    static string Configuration(EndOptions options)
    {
        StringBuilder text = new();
        text.Append($"[Interface]\nPrivateKey = {File.ReadAllText(options.Key.File).Trim()}\nListenPort = {EndOptions.Port}\n");
        foreach (var peer in options.Peers)
        {
            text.Append($"[Peer]\nPublicKey = {peer.Key}\n");
            if (peer.Endpoint is { } endpoint)
                text.Append($"Endpoint = {endpoint}\n");
            foreach (var prefixes in peer.AllowedIps.Chunk(64))
                text.Append($"AllowedIPs = {string.Join(',', prefixes)}\n");
        }

        return text.ToString();
    }

    // dpkg knows an installed file; a package that was only unpacked still has its changelog beside it.
    static string? Package(string program)
    {
        if (Requirements.Find("dpkg-query") is { } query)
        {
            var owner = ProcessRun.Run(query, ["-S", Path.GetFullPath(program)]);
            if (owner.ExitCode == 0)
                return ProcessRun.Run(query, ["-W", owner.Output.Split(':')[0]]).Output.Trim().Replace('\t', ' ');
        }

        var changelog = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(program))!, "../share/doc/wireguard-go/changelog.Debian.gz"));
        if (!File.Exists(changelog))
            return null;
        using StreamReader reader = new(new GZipStream(File.OpenRead(changelog), CompressionMode.Decompress));
        return reader.ReadLine() is { } line && ChangelogPattern().Match(line) is { Success: true } entry
            ? $"{entry.Groups["name"].Value} {entry.Groups["version"].Value}"
            : null;
    }

    [GeneratedRegex(@"0\.0\.(?<date>\d{8})")]
    private static partial Regex VersionPattern();

    [GeneratedRegex(@"^(?<name>\S+) \((?<version>[^)]+)\)")]
    private static partial Regex ChangelogPattern();
}
