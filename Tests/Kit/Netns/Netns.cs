namespace Mesh.Tests.Kit;

/// <summary>One network namespace of a <see cref="NetnsTopology"/>, standing for one machine.</summary>
public sealed class Netns
{
    internal Netns(NetnsTopology topology, string name, string fullName)
    {
        Topology = topology;
        Name = name;
        FullName = fullName;
    }

    /// <summary>The topology that made it and deletes it.</summary>
    public NetnsTopology Topology { get; }

    /// <summary>The short name given by the test ("a", "router").</summary>
    public string Name { get; }

    /// <summary>The name that <c>ip netns</c> knows, unique on this machine.</summary>
    public string FullName { get; }

    /// <summary>Runs a program inside to its end.</summary>
    public ProcessResult Run(string program, params string[] arguments) => Run(TimeSpan.FromSeconds(60), program, arguments);

    /// <summary>Runs a program inside to its end, killing it after the time-out.</summary>
    public ProcessResult Run(TimeSpan timeout, string program, params string[] arguments) =>
        ProcessRun.Run("ip", ["netns", "exec", FullName, program, .. arguments], timeout);

    /// <summary>Runs <c>ip</c> on the namespace and throws unless it succeeds.</summary>
    public ProcessResult Ip(params string[] arguments) => ProcessRun.Run("ip", ["-n", FullName, .. arguments]).MustExit();

    /// <summary>Sets a kernel variable inside ("net.ipv4.ip_forward", "1").</summary>
    public void Sysctl(string key, string value) => Run("sysctl", "-q", "-w", $"{key}={value}").MustExit();

    /// <summary>Starts a program inside; the process id is the program's own, and the topology kills it when disposed.</summary>
    public RunningProcess Start(string program, params string[] arguments) => Start(null, program, arguments);

    /// <summary>Starts a program inside with additional environment variables.</summary>
    public RunningProcess Start(IReadOnlyDictionary<string, string>? environment, string program, params string[] arguments)
    {
        var process = RunningProcess.Start("ip", ["netns", "exec", FullName, program, .. arguments], environment);
        Topology.Adopt(process);
        return process;
    }

    /// <summary>Pings five times a second, and throws with what ping says unless all of <paramref name="count"/> are answered.</summary>
    public void MustPing(string address, int count = 1) =>
        Run("ping", "-n", "-i", "0.2", "-c", count.ToString(), "-W", "2", "-w", (5 + count / 5).ToString(), address).MustExit();

    /// <summary>Whether <paramref name="count"/> pings to an address get <paramref name="count"/> answers.</summary>
    public bool Ping(string address, int count = 1, double deadlineSeconds = 5) =>
        Run("ping", "-n", "-q", "-i", "0.2", "-c", count.ToString(), "-w", Math.Ceiling(deadlineSeconds).ToString("0"), address).ExitCode == 0;
}
