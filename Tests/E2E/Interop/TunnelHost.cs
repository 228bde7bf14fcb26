using System.Runtime.InteropServices;
using Mesh.Node.Runtime;

namespace Mesh.Tests.E2E.Interop;

/// <summary>
/// Runs one static tunnel as a process of its own, so that a test can put it into a namespace: <c>tunnel FILE</c>. Prints <c>ready INTERFACE PORT</c>, on
/// SIGUSR1 its counters, applies the file again on SIGUSR2, and stops on SIGTERM.
/// </summary>
static class TunnelHost
{
    public static async Task<int> Main(string[] args)
    {
        if (args is ["backend", var kind, var setting])
            return await Backend.BackendHost.RunAsync(kind, setting);
        if (args is not ["tunnel", var file])
            return 64;
        using var network = Read(file);
        TaskCompletionSource stop = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            stop.TrySetResult();
        });
        await using var runtime = await NodeRuntime.StartAsync(new NodeOptions { Tunnel = network.Tunnel, State = network.State });
        using var onStatistics = PosixSignalRegistration.Create((PosixSignal)10, context =>
        {
            context.Cancel = true;
            Print(runtime);
        });
        // Not SIGHUP: where the tests run without a terminal, as under nohup, that is ignored from the start.
        using var onApply = PosixSignalRegistration.Create((PosixSignal)12, context =>
        {
            context.Cancel = true;
            runtime.ApplyAsync(Read(file).State).Wait();
            Console.WriteLine("applied");
        });
        Console.WriteLine($"ready {runtime.Device.Interface} {runtime.Device.ListenPort} {runtime.PublicKey}");
        await stop.Task;
        Print(runtime);
        return 0;
    }

    static StaticNetwork Read(string file) =>
        StaticNetwork.Read(ConfigurationFactory.ParseString(File.ReadAllText(file)), [], (path, _) => File.ReadAllBytes(path));

    static void Print(NodeRuntime runtime)
    {
        var statistics = runtime.Tunnel.ReadStatistics();
        foreach (var peer in statistics.Peers)
            Console.WriteLine($"peer {peer.Key} endpoint {peer.Endpoint} handshake {peer.LastHandshake} rx {peer.BytesReceived} tx {peer.BytesSent}");
        Console.WriteLine($"drops {string.Join(' ', statistics.Drops.Select(d => $"{d.Key}={d.Value}"))} allocated {GC.GetTotalAllocatedBytes()} restarts {statistics.DeviceRestarts} collections {GC.CollectionCount(0)}");
        Console.WriteLine("end");
    }
}
