using System.Text;
using Mesh.Controller.Keys;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    static CommandException CannotRead(string path, Exception error) => new(
        ExitCode.BadInput,
        error is FileNotFoundException or DirectoryNotFoundException ? $"there is no file {path}"
            : error is UnauthorizedAccessException && Directory.Exists(path) ? $"{path} is a directory: name a file"
            : $"cannot read {path}: {error.Message.TrimEnd('.')}",
        error);

    // Under another name until it is whole and whoever wrote it has looked at it, for its owner alone, and never over another.
    static async Task<T> WriteWholeAsync<T>(string path, Func<TextWriter, Task<T>> write, Action<string>? look = null)
    {
        if (File.Exists(path))
            throw new CommandException(ExitCode.Failed, $"{path} exists: remove it, or name another file");
        var draft = path + ".new";
        var made = false;
        try
        {
            File.Delete(draft);
            T result;
            await using (var stream = new FileStream(draft, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            await using (var writer = new StreamWriter(stream, new UTF8Encoding(false)))
            {
                made = true;
                result = await write(writer);
                await writer.FlushAsync();
                stream.Flush(flushToDisk: true);
            }

            look?.Invoke(draft);
            File.Move(draft, path, overwrite: false);
            return result;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.Explain(e, $"cannot write {path}");
        }
        finally
        {
            if (made)
                File.Delete(draft);
        }
    }
}
