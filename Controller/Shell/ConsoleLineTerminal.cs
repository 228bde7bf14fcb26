using System.Runtime.InteropServices;

namespace Mesh.Controller.Shell;

/// <summary>Is the process's own terminal.</summary>
sealed class ConsoleLineTerminal : ILineTerminal
{
    /// <inheritdoc/>
    public int Width => Math.Max(1, Console.WindowWidth);

    /// <inheritdoc/>
    public ConsoleKeyInfo? ReadKey()
    {
        Console.TreatControlCAsInput = true;
        try
        {
            return Console.ReadKey(intercept: true);
        }
        catch (InvalidOperationException)
        {
            return null;
        }
        finally
        {
            Console.TreatControlCAsInput = false;
        }
    }

    /// <inheritdoc/>
    public void Write(string text)
    {
        Console.Out.Write(text);
        Console.Out.Flush();
    }

    /// <inheritdoc/>
    public IDisposable OnInterrupt(Action interrupted) => PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
    {
        context.Cancel = true;
        interrupted();
    });
}
