using Mesh.Protocol.Admin;
using Mesh.Protocol.Enrollment;

namespace Mesh.Controller.Shell;

/// <summary>
/// Is what was typed in this shell and those before it: in a file of the admin's (mode 0600) where there is one. Lines that hold a
/// token or a credential are not kept, nor such as begin with a blank.
/// </summary>
sealed class ShellHistory
{
    /// <summary>How many lines are kept.</summary>
    public const int Capacity = 1000;

    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    readonly string? _path;
    readonly List<string> _lines = [];
    int _at;
    string _typed = "";

    /// <summary>Reads the file; what cannot be read is not there.</summary>
    public ShellHistory(string? path)
    {
        _path = path;
        try
        {
            if (path is not null && File.Exists(path))
                _lines.AddRange(File.ReadLines(path).Where(line => line.Length > 0).TakeLast(Capacity));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _path = null;
        }
    }

    /// <summary>Gets the lines, the oldest first.</summary>
    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Goes to the end, where the next line is typed.</summary>
    public void Begin() => (_at, _typed) = (_lines.Count, "");

    /// <summary>Takes in a line that was submitted.</summary>
    public void Add(string line)
    {
        // Completion leaves a blank behind the last word.
        line = line.TrimEnd();
        if (line.Length > 0 && !char.IsWhiteSpace(line[0]) && !HoldsSecret(line) && (_lines.Count == 0 || _lines[^1] != line))
        {
            _lines.Add(line);
            Store(line);
        }
    }

    /// <summary>Goes to the line before; null at the first. What was typed is kept for the way back.</summary>
    public string? Older(string shown)
    {
        if (_at == 0)
            return null;
        if (_at == _lines.Count)
            _typed = shown;
        return _lines[--_at];
    }

    /// <summary>Goes to the line after; null at the end.</summary>
    public string? Newer() => _at == _lines.Count ? null : ++_at == _lines.Count ? _typed : _lines[_at];

    static bool HoldsSecret(string line) =>
        line.Contains(CredentialString.Prefix, StringComparison.Ordinal) || line.Contains(TokenString.Prefix, StringComparison.Ordinal);

    // Several shells write one file: a line is appended, and the file written anew only where it has grown far beyond what is kept.
    void Store(string line)
    {
        if (_path is null)
            return;
        try
        {
            var isLong = _lines.Count > 2 * Capacity;
            if (isLong)
                _lines.RemoveRange(0, _lines.Count - Capacity);
            using var file = new FileStream(_path, new FileStreamOptions
            {
                Mode = isLong ? FileMode.Create : FileMode.Append,
                Access = FileAccess.Write,
                Share = FileShare.ReadWrite,
                UnixCreateMode = OwnerOnly,
            });
            File.SetUnixFileMode(file.SafeFileHandle, OwnerOnly);
            using var writer = new StreamWriter(file);
            foreach (var one in isLong ? _lines : [line])
                writer.Write(one + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A shell without a history is still a shell.
        }
    }
}
