namespace Mesh.Controller.Shell;

/// <summary>Is the terminal at which somebody types lines.</summary>
interface ILineTerminal
{
    /// <summary>Gets how many columns it has.</summary>
    int Width { get; }

    /// <summary>Waits for a key, which is not shown; Ctrl-C is a key like any other here. Null where the terminal is gone.</summary>
    ConsoleKeyInfo? ReadKey();

    /// <summary>Writes text with ANSI sequences.</summary>
    void Write(string text);

    /// <summary>Until the answer is disposed of, Ctrl-C calls <paramref name="interrupted"/> (on another thread) and does nothing else.</summary>
    IDisposable OnInterrupt(Action interrupted);
}
