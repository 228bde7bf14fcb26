using System.Runtime.ExceptionServices;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Bench.Lab;

/// <summary>Runs code inside a network namespace: setns(2) moves one thread, and a socket stays where it was made.</summary>
static class NetnsThread
{
    const int CloneNewNet = 0x40000000;

    /// <summary>Runs an action on a thread of its own inside the namespace and waits for its end.</summary>
    public static void Run(Netns ns, Action action) => Run(ns, () =>
    {
        action();
        return 0;
    });

    /// <summary>Runs a function on a thread of its own inside the namespace and gives its result.</summary>
    public static T Run<T>(Netns ns, Func<T> function)
    {
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                using SafeFileHandle handle = File.OpenHandle($"/run/netns/{ns.FullName}");
                if (Native.SetNs(handle, CloneNewNet) != 0)
                    throw Native.Failure($"setns {ns.FullName}");
                result = function();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result!;
    }
}
