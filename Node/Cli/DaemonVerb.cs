using System.CommandLine;
using Mesh.Node.Configuration;
using Mesh.Node.Service;

namespace Mesh.Node.Cli;

/// <summary><c>mesh daemon</c>: carries the traffic of this machine until it is told to stop.</summary>
static class DaemonVerb
{
    public static Command Create(CliConsole console)
    {
        var config = new Option<string?>("--config") { Description = $"Configuration file (default {DaemonSettings.DefaultConfig} where there is one)", HelpName = "PATH" };
        var verb = new Verb("daemon", "Run the node in the foreground, as a service does.",
            "mesh daemon --state-dir /var/lib/mesh --socket /run/mesh/mesh.sock --interface mesh0 --port 51820") { config };
        var options = DaemonSettings.Keys
            .Select(setting => (setting.Key, Option: new Option<string?>($"--{setting.Key}") { Description = setting.Description, HelpName = setting.Value }))
            .ToArray();
        foreach (var (_, option) in options)
            verb.Add(option);
        verb.SetAction(async (parsed, cancel) =>
        {
            var flags = new Dictionary<string, string>();
            foreach (var (key, option) in options)
            {
                if (parsed.GetValue(option) is { } value)
                    flags[key] = value;
            }
            var settings = SettingsReader.Read(flags, parsed.GetValue(config), console.Environment);
            await Daemon.RunAsync(settings, Tunnels.OpenAsync, console.Environment, console.Error, cancel);
            return ExitCodes.Done;
        });
        return verb;
    }
}
