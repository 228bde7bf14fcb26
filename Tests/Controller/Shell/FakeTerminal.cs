using Mesh.Controller.Shell;
using Mesh.Tests.Kit;

namespace Mesh.Tests.Controller.Shell;

/// <summary>Is a terminal with somebody at it who types what the test says.</summary>
sealed class FakeTerminal(int width = 80) : ILineTerminal
{
    readonly Queue<ConsoleKeyInfo> _keys = new();
    readonly TerminalScreen _screen = new(width);

    public int Width => _screen.Width;

    /// <summary>What happens when a key is waited for and none is left; true where there are some then.</summary>
    public Func<bool>? WhenIdle { get; set; }

    public Action? Interrupted { get; private set; }

    public (int Row, int Column) Cursor => _screen.Cursor;

    public string Screen => _screen.Text;

    public void Type(string keys)
    {
        foreach (var key in Keys.Of(keys))
            _keys.Enqueue(key);
    }

    public ConsoleKeyInfo? ReadKey() => _keys.TryDequeue(out var key) || (WhenIdle?.Invoke() == true && _keys.TryDequeue(out key)) ? key : null;

    public IDisposable OnInterrupt(Action interrupted)
    {
        Interrupted = interrupted;
        return new StringReader("");
    }

    public void Write(string text) => _screen.Write(text);
}
