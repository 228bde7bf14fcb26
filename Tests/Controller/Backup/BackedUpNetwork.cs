using Mesh.Controller;
using Mesh.Controller.Journal;
using Mesh.Protocol.Enrollment;
using Mesh.Tests.Controller.Api;

namespace Mesh.Tests.Controller.Backup;

/// <summary>Is a network with a machine, a policy and credentials, of which a backup was taken, and after that more was done.</summary>
sealed class BackedUpNetwork : IAsyncDisposable
{
    readonly TemporaryDirectory _directory = new();

    public RunningController Controller { get; private set; } = null!;

    public Machine Machine { get; private set; } = null!;

    /// <summary>A credential that was open at the backup and was used after it.</summary>
    public CredentialString UsedLater { get; private set; } = null!;

    /// <summary>The backup.</summary>
    public string File => _directory.File("mesh.backup");

    /// <summary>The root key, away from the machine.</summary>
    public string RootKey => _directory.File("root.key");

    /// <summary>What was answered at the backup.</summary>
    public string Nodes { get; private set; } = "";

    public string Audit { get; private set; } = "";

    public long RevisionLater { get; private set; }

    public static async Task<BackedUpNetwork> CreateAsync(PostgresPlace? database = null)
    {
        var network = new BackedUpNetwork { Controller = await RunningController.StartAsync(database) };
        await network.FillAsync();
        return network;
    }

    public string Other(string name) => _directory.File(name);

    /// <summary>Stops the controller and loses everything that it had.</summary>
    public async Task WipeAsync()
    {
        await Controller.StopAsync();
        Directory.Delete(Controller.StateDirectory, recursive: true);
    }

    public Task<(int Exit, string Out, string Error)> RestoreAsync(params string[] more) => Cli.RunAsync(
        ["restore", File, "--new-epoch", "--root-key", RootKey, "--state-dir", Controller.StateDirectory, .. more]);

    public async ValueTask DisposeAsync()
    {
        Machine.Dispose();
        await Controller.DisposeAsync();
        _directory.Dispose();
    }

    async Task FillAsync()
    {
        Machine = new Machine(Controller, await Controller.CreateCredentialAsync(), "db");
        Assert.Null(await Machine.EnrollAsync());
        await Controller.AllowAllAsync();
        UsedLater = await Controller.CreateCredentialAsync();
        await Controller.CreateCredentialAsync();
        Assert.Equal(ExitCode.Done, (await Controller.RunAsync(["token", "create", "--name", "ci", "--scope", "nodes:read"])).Exit);
        var (exit, _, error) = await Controller.RunAsync(["backup", "-o", File]);
        Assert.True(exit == ExitCode.Done, error);
        Nodes = (await Controller.RunAsync(["node", "list"])).Out;
        Audit = (await Controller.RunAsync(["audit", "list", "--json"])).Out;

        using var late = new Machine(Controller, UsedLater, "late");
        Assert.Null(await late.EnrollAsync());
        for (var i = 0; i < 30; i++)
            await Controller.RunAsync(["user", "create", $"later{i}"]);
        RevisionLater = System.Text.Json.JsonDocument.Parse((await Controller.RunAsync(["status", "--json"])).Out).RootElement.GetProperty("revision").GetInt64();
        System.IO.File.Move(Path.Combine(Controller.StateDirectory, "root.key"), RootKey);
    }
}
