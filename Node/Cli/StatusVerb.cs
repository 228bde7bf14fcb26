using System.CommandLine;
using System.Text.Json;
using Mesh.Node.Local;

namespace Mesh.Node.Cli;

/// <summary><c>mesh status</c>: shows this node, its peers and what is not as it should be. Exit code 1 unless the node runs.</summary>
static class StatusVerb
{
    public static Command Create(CliConsole console)
    {
        var json = CommonOptions.Json();
        var peers = new Option<bool>("--peers") { Description = "Show peers (default: true)", DefaultValueFactory = _ => true };
        var self = new Option<bool>("--self") { Description = "Show this node (default: true)", DefaultValueFactory = _ => true };
        var socket = CommonOptions.Socket();
        var verb = new Verb("status", "Show this node, its peers and its health.", "mesh status --json") { json, peers, self, socket };
        verb.SetAction(async (parsed, cancel) =>
        {
            using var client = new LocalClient(CommonOptions.SocketPath(parsed.GetValue(socket), console));
            var status = await client.GetAsync("/v1/status", LocalJson.Default.StatusDocument, cancel);
            if (!parsed.GetValue(peers))
                status = status with { Peers = [] };
            if (!parsed.GetValue(self))
                status = status with { Self = null };
            console.Out.Write(parsed.GetValue(json)
                ? JsonSerializer.Serialize(status, LocalJson.Default.StatusDocument) + "\n"
                : StatusText.Print(status, DateTimeOffset.UtcNow));
            return status.BackendState == "Running" ? ExitCodes.Done : ExitCodes.Failed;
        });
        return verb;
    }
}
