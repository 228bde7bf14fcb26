using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Controller.Admin;
using Mesh.Controller.Configuration;
using Mesh.Controller.Journal;
using Mesh.Controller.Keys;

namespace Mesh.Controller.CommandLine;

static partial class VerbTable
{
    // For those who wait at a terminal.
    static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(2);

    static Command Database(Terminal terminal, CommonFlags common)
    {
        return Group("db", "Checks and moves the journal, in a file or in PostgreSQL.", "mesh-controller db check", Check(), Export(), Import(), Migrate());

        Command Check()
        {
            var verb = Verb("check", "Looks at every event of the journal; a controller may be running.", "mesh-controller db check --database postgresql:///mesh");
            var place = new PlaceFlags(verb);
            verb.SetAction(parsed => Explained(() =>
            {
                using var journal = OpenExisting(place.Resolve(parsed, terminal, common));
                var found = JournalCheck.Run(
                    journal.ReadAll(), new JsonEventSerializer(NetworkEvents.Manifests), Progress(terminal, "events looked at"));
                var report = new JournalReport(
                    journal.Place, found.Rows, found.Events, found.Entities, found.Ordering, found.Problems);
                new Output(terminal, common.Json(parsed)).Show(report, AdminJson.Default.JournalReport, WriteJournal);
                if (journal is PostgresJournal && journal.SchemaVersion < PostgresSchema.Version)
                    terminal.Error.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"its tables have version {journal.SchemaVersion}, this program writes {PostgresSchema.Version}: the next start brings them there, or 'mesh-controller db migrate'"));
                return found.Problems.Count == 0 ? ExitCode.Done : ExitCode.BadConfiguration;
            }));
            return verb;
        }

        Command Export()
        {
            var file = new Option<string>("--file", "-f") { Description = "Where to; - writes to standard output", HelpName = "FILE", Required = true };
            var verb = Verb("export", "Writes the whole journal to a file; stop the controller first if it is to move.", "mesh-controller db export -f journal.jsonl");
            Add(verb, file);
            var place = new PlaceFlags(verb);
            verb.SetAction((parsed, _) => ExplainedAsync(async () =>
            {
                using var journal = OpenExisting(place.Resolve(parsed, terminal, common));
                var target = parsed.GetValue(file)!;
                var count = target == "-"
                    ? JournalArchive.Write(journal.ReadAll(), terminal.Out)
                    : await WriteWholeAsync(
                        target, to => Task.FromResult(JournalArchive.Write(journal.ReadAll(), to, Progress(terminal, "events written"))));
                terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} events of {journal.Place} written"));
                return ExitCode.Done;
            }));
            return verb;
        }

        Command Import()
        {
            var file = new Option<string>("--file", "-f") { Description = "What 'db export' wrote; - reads standard input", HelpName = "FILE", Required = true };
            var verb = Verb("import", "Fills an empty journal from a file, whole or not at all.", "mesh-controller db import -f journal.jsonl --database postgresql:///mesh");
            Add(verb, file);
            var place = new PlaceFlags(verb);
            verb.SetAction((parsed, _) => ExplainedAsync(async () =>
            {
                var settings = place.Resolve(parsed, terminal, common);
                // No controller may begin a history of its own meanwhile.
                using var state = settings.Database is null ? StateDirectory.Open(settings.StateDirectory) : null;
                using var journal = Open(settings);
                var source = parsed.GetValue(file)!;
                using var from = source == "-" ? terminal.In : OpenArchive(source);
                var count = 0L;
                var progress = Progress(terminal, "events read");
                await journal.ImportAsync(JournalArchive.Read(from, source).Select(row =>
                {
                    progress(++count);
                    return row;
                }));
                terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} events imported into {journal.Place}"));
                return ExitCode.Done;
            }));
            return verb;
        }

        Command Migrate()
        {
            var verb = Verb("migrate", "Makes the tables, or brings them to what this program writes.", "mesh-controller db migrate --database postgresql:///mesh");
            var place = new PlaceFlags(verb);
            verb.SetAction(parsed => Explained(() =>
            {
                using var journal = Open(place.Resolve(parsed, terminal, common));
                terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{journal.Place} has schema version {journal.SchemaVersion}"));
                return ExitCode.Done;
            }));
            return verb;
        }
    }

    static JournalDatabase Open(ControllerSettings settings) =>
        settings.Database is { } place ? PostgresJournal.Open(place) : SqliteJournal.Open(FileOf(settings));

    static JournalDatabase OpenExisting(ControllerSettings settings)
    {
        if (settings.Database is { } place)
            return PostgresJournal.Open(place, SchemaRights.None);
        var file = FileOf(settings);
        return File.Exists(file) ? SqliteJournal.Open(file) : throw new CommandException(ExitCode.BadConfiguration, $"there is no journal {file}");
    }

    static string FileOf(ControllerSettings settings) => Path.Combine(Path.GetFullPath(settings.StateDirectory), StateDirectory.JournalName);

    static int Explained(Func<int> act) => ExplainedAsync(() => Task.FromResult(act())).GetAwaiter().GetResult();

    static async Task<int> ExplainedAsync(Func<Task<int>> act)
    {
        try
        {
            return await act();
        }
        catch (JournalException e)
        {
            throw new CommandException(e.ExitCode, e.Message, e);
        }
    }

    static StreamReader OpenArchive(string path)
    {
        try
        {
            return new StreamReader(path, new UTF8Encoding(false));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotRead(path, e);
        }
    }

    static Action<long> Progress(Terminal terminal, string what)
    {
        var last = Stopwatch.GetTimestamp();
        return count =>
        {
            if (!terminal.Colours || Stopwatch.GetElapsedTime(last) < ProgressInterval)
                return;
            last = Stopwatch.GetTimestamp();
            terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} {what}"));
        };
    }

    static void WriteJournal(JournalReport report, Terminal to)
    {
        foreach (var (name, value) in new (string, string)[]
        {
            ("journal", report.Journal),
            ("rows", report.Rows.ToString(CultureInfo.InvariantCulture)),
            ("events", report.Events.ToString(CultureInfo.InvariantCulture)),
            ("entities", report.Entities.ToString(CultureInfo.InvariantCulture)),
            ("ordering", $"up to {report.Ordering.ToString(CultureInfo.InvariantCulture)}"),
            ("state", report.Problems.Count == 0 ? TextTable.Paint("ok", CellStyle.Good, to.Colours) : TextTable.Paint("damaged", CellStyle.Bad, to.Colours)),
        })
            to.Out.WriteLine($"{name,-12}{value}");
        foreach (var problem in report.Problems)
            to.Out.WriteLine(TextTable.Paint(problem, CellStyle.Bad, to.Colours));
        if (report.Problems.Count >= JournalCheck.MostProblems)
            to.Out.WriteLine("there may be more");
    }

    /// <summary>Is the flags that say where a journal is.</summary>
    sealed class PlaceFlags
    {
        readonly Option<string?> _stateDirectory = new("--state-dir") { Description = "Directory of the journal", HelpName = "DIR" };
        readonly Option<string?> _database = new("--database") { Description = "PostgreSQL database of the journal instead", HelpName = "URI" };

        public PlaceFlags(Command verb) => Add(verb, _stateDirectory, _database);

        public ControllerSettings Resolve(ParseResult parsed, Terminal terminal, CommonFlags common) => ControllerSettings.Resolve(
            common.Flags(parsed) with { StateDirectory = parsed.GetValue(_stateDirectory), Database = parsed.GetValue(_database) },
            terminal.Environment);
    }
}
