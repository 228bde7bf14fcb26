using System.Diagnostics;
using System.Globalization;
using Mesh.Actors.Ports;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit.Persistence;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E.Chaos;

/// <summary>
/// Is three controllers on machines of their own, each with a clock of its own, a fourth machine with the database, and a fifth from which
/// the simulated nodes come:
/// <code>
///   controllers 10.98.1.1 to .3    database 10.98.1.200    fleet 10.98.1.201, behind it 10.97.0.0/16    live nodes 10.98.1.11 and on
/// </code>
/// </summary>
sealed class ChaosCluster
{
    const string FleetNet = "10.97.0.0/16";

    readonly PostgresServer _server;
    readonly string _database;

    ChaosCluster(MeshLab lab, PostgresServer server, string database, string databaseAddress, Netns fleet) =>
        (Lab, _server, _database, DatabaseAddress, Fleet) = (lab, server, database, databaseAddress, fleet);

    /// <summary>Gets the lab.</summary>
    public MeshLab Lab { get; }

    /// <summary>Gets the controllers.</summary>
    public IReadOnlyList<LabController> Controllers => Lab.Controllers;

    /// <summary>Gets the controllers' clocks, in their order.</summary>
    public IReadOnlyList<ProgramClock> Clocks { get; private set; } = [];

    /// <summary>Gets where the database is.</summary>
    public string DatabaseAddress { get; }

    /// <summary>Gets the machine of the simulated nodes; all of 10.97.0.0/16 is its own.</summary>
    public Netns Fleet { get; }

    /// <summary>Runs a scenario with all three controllers started, and the live nodes named but not joined.</summary>
    public static async Task RunAsync(string prefix, ITestOutputHelper output, string[] nodes, Func<ChaosCluster, Task> scenario)
    {
        PostgresServer? server = null;
        List<ProgramClock> clocks = [];
        try
        {
            ChaosCluster? cluster = null;
            await MeshLab.RunAsync(prefix, output, nodes, async lab =>
            {
                foreach (var _ in Enumerable.Range(0, 2))
                {
                    var more = lab.AddController();
                    cluster!.Prepare(more, clocks);
                    more.Run("cluster", "join", "--config", more.ConfigFile, "--state-dir", more.StateDir, "--root-key", lab.Controller.RootKey).MustExit();
                    await StartAsync(more);
                }
                cluster!.Clocks = clocks;
                await scenario(cluster);
            }, prepare: lab =>
            {
                var (machine, address) = lab.AddStranger();
                server = new PostgresServer(isDurable: false, machine, address);
                cluster = new ChaosCluster(lab, server, server.CreateDatabase(), address, lab.AddStranger().Ns);
                cluster.Fleet.Ip("route", "add", "local", FleetNet, "dev", "lo");
                cluster.Prepare(lab.Controller, clocks);
            });
        }
        finally
        {
            server?.Dispose();
            clocks.ForEach(clock => clock.Dispose());
        }
    }

    /// <summary>Starts a controller as a service manager does: again where it ends because it could not reach something.</summary>
    public static async Task StartAsync(LabController controller)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await controller.StartAsync(120);
                return;
            }
            catch (InvalidOperationException) when (controller.Server.Process is { HasExited: true, ExitCode: 69 or 75 } && patience.Elapsed < TimeSpan.FromMinutes(2))
            {
                await Task.Delay(TimeSpan.FromSeconds(1));
            }
        }
    }

    /// <summary>Runs a statement in the database.</summary>
    public string Query(string sql) => _server.Query(_database, sql);

    /// <summary>Ends every connection to the database, as a server that is restarted does; gives how many there were.</summary>
    public int CutDatabase() => Query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        .Count(character => character == '\n');

    /// <summary>Reads the whole journal.</summary>
    public IReadOnlyList<JournalEvent> Journal() =>
    [
        .. Query(
            "SELECT ordering, persistence_id, sequence_number, manifest, coalesce(command_id, ''), encode(message, 'hex') FROM journal "
            + "WHERE NOT deleted ORDER BY ordering")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('|'))
            .Select(cells => new JournalEvent(
                long.Parse(cells[0], CultureInfo.InvariantCulture), cells[1], long.Parse(cells[2], CultureInfo.InvariantCulture), 0, cells[3],
                cells[4].Length == 0 ? null : cells[4], Convert.FromHexString(cells[5]))),
    ];

    void Prepare(LabController controller, List<ProgramClock> clocks)
    {
        File.WriteAllText(controller.ConfigFile, $"mesh.controller.database = \"{_server.NetworkUri(_database)}\"\n");
        controller.Ns.Ip("route", "add", FleetNet, "via", "10.98.1.201");
        clocks.Add(new ProgramClock(controller.Server, Lab.Folder, $"clock-{clocks.Count}"));
    }
}
