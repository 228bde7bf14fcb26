using System.Text;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Is a terminal on a machine of the lab with a program in it: a pseudo-terminal, somebody who types, and the screen.</summary>
sealed class LabTerminal : IDisposable
{
    static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    readonly FileStream _keys;
    readonly FileStream _written;
    readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    readonly TerminalScreen _screen;
    readonly string _device;

    /// <summary>Starts a program.</summary>
    /// <param name="where">The machine.</param>
    /// <param name="folder">Where what it needs may lie, and the home directory.</param>
    /// <param name="command">The program and its arguments, as a shell takes them.</param>
    /// <param name="width">How many columns the terminal has.</param>
    public LabTerminal(Netns where, string folder, string command, int width = 100)
    {
        var name = Path.Combine(folder, Guid.NewGuid().ToString("N"));
        _device = name + ".tty";
        _screen = new TerminalScreen(width);
        ProcessRun.Run("mkfifo", [name]).MustExit();
        File.WriteAllText(name + ".screen", "");
        Process = where.Start(
            "sh", "-c",
            $"exec env -u NO_COLOR HOME={folder} TERM=xterm script -qefc 'stty cols {width} rows 40; tty > {_device}; exec {command}' /dev/null < {name} > {name}.screen");
        _keys = new FileStream(name, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 1);
        _written = new FileStream(name + ".screen", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
    }

    /// <summary>Gets the terminal, which ends with the program and with its exit code.</summary>
    public RunningProcess Process { get; }

    /// <summary>Gets whether anything on the screen was painted.</summary>
    public bool IsPainted => _screen.IsPainted;

    /// <summary>Gets what stands on the screen by now, all that has scrolled away included.</summary>
    public string Screen
    {
        get
        {
            var bytes = new byte[1 << 16];
            for (int read; (read = _written.Read(bytes)) > 0;)
            {
                var text = new char[read + 1];
                _screen.Write(new string(text, 0, _decoder.GetChars(bytes, 0, read, text, 0)));
            }
            return _screen.Text;
        }
    }

    /// <summary>Types text; <c>\r</c>, <c>\t</c>, <c>\x03</c> and the like are keys.</summary>
    public void Type(string text)
    {
        _keys.Write(Encoding.UTF8.GetBytes(text));
        _keys.Flush();
    }

    /// <summary>Waits until the screen matches.</summary>
    public Task ShowsAsync(string pattern) => Eventually.MatchesAsync(_patience, pattern, () => Screen);

    /// <summary>Types a line at a prompt, waits for the next prompt, and gives what the program said in between.</summary>
    public async Task<string> AskAsync(string prompt, string line)
    {
        var before = Screen.TrimEnd('\n').LastIndexOf('\n') + 1;
        Type(line + "\r");
        var answer = "";
        await Eventually.TrueAsync($"the prompt after '{line}'", _patience, () =>
        {
            var rows = Screen[before..].TrimEnd('\n').Split('\n');
            if (rows.Length < 2 || rows[^1] != prompt)
                return Process.HasExited ? throw new InvalidOperationException($"the program ended\n{Screen}") : false;
            answer = string.Join('\n', rows[1..^1]);
            return true;
        });
        return answer;
    }

    /// <summary>Changes how many columns the terminal has, as a window manager does.</summary>
    public void Resize(int width)
    {
        _ = Screen;
        _screen.Width = width;
        ProcessRun.Run("stty", ["-F", File.ReadAllText(_device).Trim(), "cols", $"{width}"]).MustExit();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _keys.Dispose();
        _written.Dispose();
    }
}
