using System.CommandLine;
using System.Globalization;
using Mesh.Bench.Lab;
using Mesh.Protocol.Crypto;

namespace Mesh.Bench.Cli;

/// <summary>Makes the options that several verbs share.</summary>
static class BenchOptions
{
    public static Option<string> Peer() => new("--peer")
    {
        Description = "The wireguard-go to compare with; it must have segmentation offload (2023 and later)", HelpName = "PATH",
        DefaultValueFactory = _ => "/usr/bin/wireguard-go",
    };

    public static Option<bool> AllowOldPeer() => new("--allow-old-peer") { Description = "Compare with a wireguard-go that has no segmentation offload" };

    public static Option<string?> Mesh() => new("--mesh") { Description = "The mesh to measure (default: published from this repository, Release)", HelpName = "PATH" };

    public static Option<bool> Native() => new("--native") { Description = "Publish mesh as one native binary instead of for the installed runtime" };

    public static Option<string?> Only() => new Option<string?>("--only") { Description = "Measure one of the two, for tuning: mesh or peer", HelpName = "WHICH" }
        .AcceptOnlyFromAmong("mesh", "peer");

    /// <summary>An option that takes a whole number within bounds.</summary>
    public static Option<int> Number(string name, string description, int standard, int least, int greatest) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => standard,
        CustomParser = result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number >= least && number <= greatest)
                return number;
            result.AddError($"{name}: '{(result.Tokens.Count == 0 ? "" : result.Tokens[0].Value)}' is not a number from {least} to {greatest}");
            return standard;
        },
    };

    /// <summary>An option that takes one of a few words.</summary>
    public static Option<string> Choice(string name, string description, string standard, params string[] words) =>
        new Option<string>(name) { Description = description, HelpName = string.Join('|', words), DefaultValueFactory = _ => standard }.AcceptOnlyFromAmong(words);

    /// <summary>Fails unless this is root on Linux with the programs at hand.</summary>
    public static void Require(params string[] programs)
    {
        if (Requirements.Missing(programs) is { } missing)
            throw new BenchFailureException(ExitCodes.Unreachable, missing);
    }

    /// <summary>Finds or publishes mesh, and gives it in a suite.</summary>
    public static async Task<MeshProgram> FindMeshAsync(string? path, bool native, CancellationToken cancel) =>
        MeshProgram.At(path ?? await MeshProgram.PublishAsync(native, cancel), CipherSuite.ChaCha20Poly1305);
}
