using System.CommandLine;
using System.Text.Json;
using Mesh.Actors.Diagnostics;
using Mesh.Node.Local;

namespace Mesh.Node.Cli;

/// <summary><c>mesh debug</c>: shows what the daemon knows of its own works.</summary>
static class DebugVerb
{
    public static Command Create(CliConsole console) =>
        new Verb("debug", "Show the daemon's works: for finding out why something is slow or dropped.", "mesh debug device") { Device(console), Actors(console) };

    static Verb Actors(CliConsole console)
    {
        var json = CommonOptions.Json();
        var socket = CommonOptions.Socket();
        var verb = new Verb("actors", "Show the living tree of actors, and what each class of them has done.", "mesh debug actors") { json, socket };
        verb.SetAction(async (parsed, cancel) =>
        {
            using var client = new LocalClient(CommonOptions.SocketPath(parsed.GetValue(socket), console));
            var actors = await client.GetAsync("/v1/debug/actors", LocalJson.Default.ActorReport, cancel);
            console.Out.Write(parsed.GetValue(json)
                ? JsonSerializer.Serialize(actors, LocalJson.Default.ActorReport) + "\n"
                : ActorTreeText.Print(actors));
            return ExitCodes.Done;
        });
        return verb;
    }

    static Verb Device(CliConsole console)
    {
        var json = CommonOptions.Json();
        var socket = CommonOptions.Socket();
        var verb = new Verb("device", "Show the device: features, drops by reason and peers.", "mesh debug device --json") { json, socket };
        verb.SetAction(async (parsed, cancel) =>
        {
            using var client = new LocalClient(CommonOptions.SocketPath(parsed.GetValue(socket), console));
            var device = await client.GetAsync("/v1/debug/device", LocalJson.Default.DeviceDocument, cancel);
            console.Out.Write(parsed.GetValue(json)
                ? JsonSerializer.Serialize(device, LocalJson.Default.DeviceDocument) + "\n"
                : DeviceText.Print(device));
            return ExitCodes.Done;
        });
        return verb;
    }
}
